/* Starting the other CPUs, one after the other.

   The boot CPU sends INIT, and then the startup IPI with the page of the trampoline. The other CPU
   comes through smp.S to other_cpu_main, prepares itself as the boot CPU did, and calls
   smp_online. Only then does it count as a CPU. A CPU that does not answer is named and left out:
   its number goes to the next one. If a CPU answers and then does not call smp_online, it is left
   out with all that would follow, because it may still run on the stack of its number.

   The variables smp_* are those of smp.S. The boot CPU writes them, and `smp_awaited` alone is
   written by both CPUs:

       number of a local APIC    the boot CPU waits for that CPU
       ASM_SMP_CLAIMED           that CPU has come; the other variables are its own until it is
                                 online
       ASM_SMP_NONE              no CPU is awaited: the last one is online, or left out

   Source: SDM 3A 8.4.4.1. */
#include <arch/atomic.h>
#include <arch/boot.h>
#include <arch/clock.h>
#include <arch/console.h>
#include <arch/cpu.h>
#include <arch/init.h>
#include <arch/page.h>
#include <arch/paging.h>
#include <lib/panic.h>
#include <lib/string.h>
#include "acpi.h"
#include "apic.h"
#include "descriptor.h"
#include "offsets.h"
#include "smp.h"

#define INIT_WAIT_NS    10000000ul   /* after INIT */
#define STARTUP_WAIT_NS 200000ul     /* between two startup IPIs */
#define PATIENCE_NS     3000000000ul /* an emulator may let a CPU wait for its turn */

extern char smp_trampoline[], smp_trampoline_end[];

extern uint32_t smp_awaited; /* atomic */
extern paddr_t smp_root;
extern uint64_t smp_stack_top;
extern struct cpu *smp_cpu;
extern void (*smp_main)(struct cpu *cpu);

static void (*cpu_entry)(void);

void smp_prepare(void)
{
    for (unsigned n = 1; n < acpi.ncpus; n++)
        cpu_stacks_map(n);
}

/* The first C code of another CPU, on its own stack, with interrupts disabled. */
static void other_cpu_main(struct cpu *cpu)
{
    cpu_init_other(cpu);
    cpu_stacks_use(cpu->id);
    apic_init_other();
    cpu_entry();
    panic("the entry of CPU %u has returned", cpu->id);
}

static __noreturn void cpu_stop(void)
{
    for (;;)
        asm volatile("cli; hlt");
}

void smp_online(void)
{
    if (!atomic_compare_exchange(&smp_awaited, (uint32_t)ASM_SMP_CLAIMED, (uint32_t)ASM_SMP_NONE))
        cpu_stop(); /* it has been left out */
    cpu_count_add(cpu_id());
}

static void wait_ns(uint64_t ns)
{
    uint64_t end = clock_monotonic_ns() + ns;

    while (clock_monotonic_ns() < end)
        cpu_relax();
}

/* Waits until the awaited CPU has come, for at most `ns`. */
static bool wait_claimed(uint64_t ns)
{
    uint64_t end = clock_monotonic_ns() + ns;

    while (atomic_load(&smp_awaited) != ASM_SMP_CLAIMED)
        if (clock_monotonic_ns() >= end)
            return false;
        else
            cpu_relax();
    return true;
}

/* Wakes the CPU. Returns false if it does not come. */
static bool cpu_wake(uint32_t apic_id)
{
    uint32_t awaited = apic_id;

    apic_send_init(apic_id);
    wait_ns(INIT_WAIT_NS);
    for (unsigned n = 0; n < 2; n++) {
        apic_send_startup(apic_id, boot_info.low_page);
        if (wait_claimed(STARTUP_WAIT_NS))
            return true;
    }
    return wait_claimed(PATIENCE_NS) ||
           !atomic_compare_exchange(&smp_awaited, awaited, (uint32_t)ASM_SMP_NONE);
}

/* Waits until the CPU that has come is online. Returns false if it is left out. */
static bool wait_online(unsigned id)
{
    uint64_t end = clock_monotonic_ns() + PATIENCE_NS;

    while (cpu_count() == id) {
        cpu_relax();
        if (clock_monotonic_ns() >= end &&
            atomic_compare_exchange(&smp_awaited, (uint32_t)ASM_SMP_CLAIMED,
                                    (uint32_t)ASM_SMP_NONE))
            return false;
    }
    return true;
}

/* Starts the CPU as the next number. Returns false if no further CPU can be started. */
static bool cpu_start(uint32_t apic_id)
{
    unsigned id = cpu_count();

    smp_cpu = cpu_record_init(id);
    smp_stack_top = cpu_stack_top(id);
    atomic_store(&smp_awaited, apic_id);
    if (!cpu_wake(apic_id)) {
        printk("smp: the CPU with APIC number %u does not answer and is left out\n", apic_id);
        return true;
    }
    if (wait_online(id))
        return true;
    printk("smp: the CPU with APIC number %u has started and does not come online; it and the "
           "CPUs after it are left out\n",
           apic_id);
    return false;
}

void smp_start(void (*entry)(void))
{
    if (acpi.ncpus < 2)
        return;
    if (!boot_info.low_page) {
        printk("smp: no free page below 640 KiB, so the other CPUs cannot start\n");
        return;
    }
    memcpy(phys_to_virt(boot_info.low_page), smp_trampoline, smp_trampoline_end - smp_trampoline);
    smp_root = kernel_root();
    smp_main = other_cpu_main;
    cpu_entry = entry;
    for (unsigned n = 0; n < acpi.ncpus; n++)
        if (acpi.apic_ids[n] != this_cpu()->apic_id && !cpu_start(acpi.apic_ids[n]))
            return;
}
