/* Segments, task-state segments and the interrupt table.

   64-bit mode does not use segments, but needs them: SYSCALL and SYSRET compute selectors from
   STAR, so the order in the GDT is fixed (arch/trap.h, SEL_*). Each CPU has a GDT and a TSS of its
   own. The TSS gives the stack on which an exception starts: rsp0 for one from user mode, and the
   IST for the three that must not trust rsp. One IDT serves all CPUs. Every gate is an interrupt
   gate, so the kernel is entered with interrupts disabled.

   Sources: SDM 3A 3.4.5 (segment descriptors), 7.2.3 and 7.7 (TSS), 6.14.1 (gates), 6.14.5
   (IST). */
#include <arch/cpu.h>
#include <arch/init.h>
#include <arch/page.h>
#include <arch/trap.h>
#include "descriptor.h"
#include "offsets.h"
#include "regs.h"

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_bitmap; /* offset; at sizeof(struct tss): none, so the user has no ports */
} __packed;

#define GDT_ENTRIES 9
#define SEL_TSS     0x38

/* The parts of a segment that 64-bit mode reads: present, ring, code or data, L. */
#define SEGMENT_KERNEL_CODE 0x00209b0000000000ul
#define SEGMENT_KERNEL_DATA 0x0000930000000000ul
#define SEGMENT_USER_DATA   0x0000f30000000000ul
#define SEGMENT_USER_CODE   0x0020fb0000000000ul
#define SEGMENT_TSS         0x0000890000000000ul

static struct descriptors {
    uint64_t gdt[GDT_ENTRIES];
    struct tss tss;
} __aligned(16) descriptors[MAX_CPUS];

struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

#define GATE_INTERRUPT 0x8e
#define GATE_USER      0x60 /* may be used from ring 3, by INT n */
#define GATES          256

static struct gate idt[GATES] __aligned(16);

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __packed;

extern char trap_stubs[], trap_spurious[];

static void gate_set(unsigned vector, const char *handler)
{
    uint64_t offset = (uint64_t)handler;
    bool user = vector == VECTOR_BREAKPOINT || vector == VECTOR_OVERFLOW;
    idt[vector] = (struct gate){
        .offset_low = offset,
        .offset_middle = offset >> 16,
        .offset_high = offset >> 32,
        .selector = SEL_KERNEL_CODE,
        .type = GATE_INTERRUPT | (user ? GATE_USER : 0),
    };
}

_Static_assert(VECTOR_MESSAGE_BASE + VECTOR_MESSAGES <= TRAP_STUBS, "a vector has no stub");

/* Fills in the IDT, once for all CPUs. */
static void idt_init(void)
{
    for (unsigned v = 0; v < TRAP_STUBS; v++)
        gate_set(v, trap_stubs + v * TRAP_STUB_SIZE);
    gate_set(VECTOR_SPURIOUS, trap_spurious);
}

static void idt_load(void)
{
    struct table_pointer p = {sizeof idt - 1, (uint64_t)idt};
    asm volatile("lidt %0" : : "m"(p));
}

void tss_set_trap_stack(unsigned cpu, enum trap_stack n, uint64_t top)
{
    static const uint8_t vectors[TRAP_STACKS] = {
        [STACK_DOUBLE_FAULT] = VECTOR_DOUBLE_FAULT,
        [STACK_NMI] = VECTOR_NMI,
        [STACK_MACHINE_CHECK] = VECTOR_MACHINE_CHECK,
    };

    descriptors[cpu].tss.ist[n] = top;
    idt[vectors[n]].ist = n + 1;
}

void tss_set_stack(unsigned cpu, uint64_t rsp0)
{
    descriptors[cpu].tss.rsp[0] = rsp0;
}

/* Fills in the GDT. The TSS descriptor takes two entries, for 64 bits of address (SDM 3A,
   7.2.3). */
static void gdt_init(uint64_t *gdt, const struct tss *tss)
{
    uint64_t base = (uint64_t)tss;
    gdt[SEL_KERNEL_CODE / 8] = SEGMENT_KERNEL_CODE;
    gdt[SEL_KERNEL_DATA / 8] = SEGMENT_KERNEL_DATA;
    gdt[SEL_USER_DATA / 8] = SEGMENT_USER_DATA;
    gdt[SEL_USER_CODE / 8] = SEGMENT_USER_CODE;
    gdt[SEL_TSS / 8] =
        SEGMENT_TSS | (sizeof *tss - 1) | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
    gdt[SEL_TSS / 8 + 1] = base >> 32;
}

static void gdt_load(const uint64_t *gdt)
{
    struct table_pointer p = {GDT_ENTRIES * 8 - 1, (uint64_t)gdt};
    asm volatile("lgdt %0\n\t"
                 "push %1\n\t"
                 "lea 1f(%%rip), %%rax\n\t"
                 "push %%rax\n\t"
                 "lretq\n"
                 "1:\n\t"
                 "mov %2, %%ss\n\t"
                 "mov %3, %%ds\n\t"
                 "mov %3, %%es\n\t"
                 "mov %3, %%fs\n\t"
                 "mov %3, %%gs\n\t"
                 "lldt %w3\n\t"
                 "ltr %w4"
                 :
                 : "m"(p), "i"(SEL_KERNEL_CODE), "r"(SEL_KERNEL_DATA), "r"(0), "r"(SEL_TSS)
                 : "rax", "memory");
}

void descriptors_load(struct cpu *cpu)
{
    struct descriptors *d = &descriptors[cpu->id];
    d->tss = (struct tss){.io_bitmap = sizeof d->tss};
    gdt_init(d->gdt, &d->tss);
    gdt_load(d->gdt);
    msr_write(MSR_GS_BASE, (uint64_t)cpu); /* loading the selector cleared it */
    msr_write(MSR_KERNEL_GS_BASE, 0);
    if (cpu->id == 0)
        idt_init();
    idt_load();
}
