/* The CPUs: their records, and the control registers of each.

   cpu_init enables what CPUID offers: write protection for the kernel too (CR0.WP), no execution
   and no access of user pages by the kernel (SMEP, SMAP), no execution of data (NX), global pages,
   and SSE without AVX. FSGSBASE stays off, because entry.S relies on a user that cannot set GS to a
   kernel address. */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/init.h>
#include <arch/page.h>
#include <arch/spinlock.h>
#include <arch/trap.h>
#include <lib/panic.h>
#include <lib/string.h>
#include "descriptor.h"
#include "image.h"
#include "offsets.h"
#include "regs.h"
#include "smp.h"

static struct cpu cpus[MAX_CPUS];
static unsigned ncpus = 1; /* atomic; CPUs start one after the other */

#ifdef DEBUG
static struct lock_record boot_locks;
#endif

_Static_assert(offsetof(struct cpu, kernel_rsp) == CPU_KERNEL_RSP, "offsets.h is wrong");
_Static_assert(offsetof(struct cpu, user_rsp) == CPU_USER_RSP, "offsets.h is wrong");
_Static_assert(offsetof(struct trapframe, r11) == TF_R11, "offsets.h is wrong");
_Static_assert(offsetof(struct trapframe, rcx) == TF_RCX, "offsets.h is wrong");
_Static_assert(offsetof(struct trapframe, rip) == TF_RIP, "offsets.h is wrong");
_Static_assert(offsetof(struct trapframe, cs) == TF_CS, "offsets.h is wrong");
_Static_assert(offsetof(struct trapframe, rflags) == TF_RFLAGS, "offsets.h is wrong");
_Static_assert(offsetof(struct trapframe, rsp) == TF_RSP, "offsets.h is wrong");
_Static_assert(sizeof(struct trapframe) == TF_SIZE && TF_SIZE % 16 == 0, "offsets.h is wrong");
_Static_assert(SEL_USER_CODE == ASM_USER_CODE && SEL_USER_DATA == ASM_USER_DATA,
               "offsets.h is wrong");
_Static_assert(VECTOR_SYSCALL == ASM_VECTOR_SYSCALL, "offsets.h is wrong");
_Static_assert(KERNEL_BASE == ASM_KERNEL_BASE, "offsets.h is wrong");

extern char syscall_entry[];
extern char *smap_sites_start[], *smap_sites_end[];

struct cpu *cpu_get(unsigned n)
{
    return n < atomic_load_relaxed(&ncpus) ? &cpus[n] : NULL;
}

unsigned cpu_count(void)
{
    return atomic_load(&ncpus);
}

uint32_t cpu_features_edx(void)
{
    return cpuid(1).edx;
}

/* Decodes the display family and model (SDM 2A, CPUID, figure 3-6). */
static void decode_signature(uint32_t eax, struct cpu_identity *identity)
{
    identity->stepping = eax & 0xf;
    identity->model = eax >> 4 & 0xf;
    identity->family = eax >> 8 & 0xf;
    if (identity->family == 0x6 || identity->family == 0xf)
        identity->model |= (eax >> 16 & 0xf) << 4;
    if (identity->family == 0xf)
        identity->family += eax >> 20 & 0xff;
}

struct cpu_identity cpu_identify(void)
{
    struct cpuid zero = cpuid(0);
    const uint32_t vendor[] = {zero.ebx, zero.edx, zero.ecx};
    struct cpu_identity identity = {};

    decode_signature(cpuid(1).eax, &identity);
    memcpy(identity.vendor, vendor, sizeof(vendor));
    for (unsigned n = 0; n < 3; n++) {
        struct cpuid part = cpuid(0x80000002 + n);
        const uint32_t words[] = {part.eax, part.ebx, part.ecx, part.edx};

        memcpy(identity.name + n * sizeof(words), words, sizeof(words));
    }
    return identity;
}

static bool has_bit(uint32_t word, unsigned bit)
{
    return word >> bit & 1;
}

/* Returns CR4 with all features that this CPU has (SDM 2A, CPUID, leaves 1 and 7). */
static uint64_t cr4_wanted(void)
{
    struct cpuid one = cpuid(1), seven = cpuid(7);
    uint64_t cr4 = CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    if (has_bit(one.edx, 13))
        cr4 |= CR4_PGE;
    if (has_bit(seven.ebx, 7))
        cr4 |= CR4_SMEP;
    if (has_bit(seven.ebx, 20))
        cr4 |= CR4_SMAP;
    if (has_bit(seven.ecx, 2))
        cr4 |= CR4_UMIP;
    return cr4;
}

/* Overwrites all STAC and CLAC with NOPs (smap.inc). The text is still writable, through the early
   tables. */
static void smap_sites_remove(void)
{
    static const uint8_t nop[3] = {0x0f, 0x1f, 0x00};
    for (char **site = smap_sites_start; site < smap_sites_end; site++)
        memcpy(*site, nop, sizeof nop);
}

static void control_registers_init(void)
{
    cr0_write(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_PG | CR0_WP);
    cr4_write(cr4_wanted());
    msr_write(MSR_PAT, PAT_WITH_COMBINING); /* every 64-bit CPU has it */
    asm volatile("fninit");
}

/* Enables SYSCALL. STAR holds the kernel's CS, with SS 8 above it, and the base of the user's
   selectors (SDM 3A, 5.8.8). */
static void syscall_init(void)
{
    msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SCE | EFER_NXE);
    msr_write(MSR_STAR, (SEL_USER_DATA - 8ul) << 48 | (uint64_t)SEL_KERNEL_CODE << 32);
    msr_write(MSR_LSTAR, (uint64_t)syscall_entry);
    msr_write(MSR_FMASK, RFLAGS_IF | RFLAGS_TF | RFLAGS_DF | RFLAGS_NT | RFLAGS_AC);
}

/* The features that the kernel, or what a compiler makes of a program, cannot do without. All are
   in edx (SDM 2A, CPUID). boot.S has looked for long mode and NX. */
static const struct {
    uint32_t leaf;
    unsigned bit;
    const char *name;
} required[] = {
    {1, 0, "an x87 FPU"},
    {1, 4, "a time-stamp counter"},
    {1, 5, "model-specific registers"},
    {1, 9, "a local APIC"},
    {1, 16, "a page attribute table"},
    {1, 24, "FXSAVE"},
    {1, 25, "SSE"},
    {1, 26, "SSE2"},
    {0x80000001, 11, "SYSCALL"},
};

static void check_features(void)
{
    for (size_t n = 0; n < ARRAY_SIZE(required); n++)
        if (!has_bit(cpuid(required[n].leaf).edx, required[n].bit))
            boot_fail("it needs %s, which this CPU lacks", required[n].name);
}

void cpu_init(void)
{
    struct cpu *cpu = &cpus[0];
    cpu->self = cpu;
    cpu->kernel_rsp = (uint64_t)boot_stack_top;
#ifdef DEBUG
    cpu->locks = &boot_locks;
#endif
    descriptors_load(cpu);
    check_features();
    if (!(cr4_wanted() & CR4_SMAP))
        smap_sites_remove();
    control_registers_init();
    syscall_init();
}

struct cpu *cpu_record_init(unsigned id)
{
    struct cpu *cpu = &cpus[id];

    assert(id > 0 && id < MAX_CPUS);
    cpu->self = cpu;
    cpu->id = id;
#ifdef DEBUG
    cpu->locks = &boot_locks; /* the idle thread's follow; one CPU starts at a time */
#endif
    return cpu;
}

void cpu_init_other(struct cpu *cpu)
{
    descriptors_load(cpu);
    control_registers_init();
    syscall_init();
}

void cpu_count_add(unsigned id)
{
    assert(id == ncpus);
    atomic_store(&ncpus, id + 1);
}
