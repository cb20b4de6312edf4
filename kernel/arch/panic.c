/* Panic: stops the other CPUs, and reports everything that is known.

   If a trap is the cause, its registers are shown. Any other panic, such as a failed assertion,
   shows none: the trap by which the CPU entered the kernel is not its cause. If the report itself
   faults, the second panic says so and stops. No lock is taken, because its holder may be what is
   broken. */
#include <arch/atomic.h>
#include <arch/backtrace.h>
#include <arch/boot.h>
#include <arch/console.h>
#include <arch/cpu.h>
#include <arch/page.h>
#include <arch/power.h>
#include <arch/report.h>
#include <arch/trap.h>
#include <lib/panic.h>
#include <lib/printf.h>
#include <stdarg.h>
#include "apic.h"
#include "panic.h"
#include "regs.h"

static bool panicking;                    /* atomic */
static unsigned panicking_cpu = MAX_CPUS; /* until the first CPU has written its number */

static void registers_print(const struct trapframe *tf)
{
    printk("%s, error 0x%lx\n", vector_name(tf->vector), tf->error);
    printk("rip %016lx cs %02lx rflags %08lx rsp %016lx ss %02lx\n", tf->rip, tf->cs, tf->rflags,
           tf->rsp, tf->ss);
    printk("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", tf->rax, tf->rbx, tf->rcx, tf->rdx);
    printk("rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", tf->rsi, tf->rdi, tf->rbp, tf->r8);
    printk("r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", tf->r9, tf->r10, tf->r11, tf->r12);
    printk("r13 %016lx r14 %016lx r15 %016lx\n", tf->r13, tf->r14, tf->r15);
}

/* Shows where an IRET was to return to, if it is IRET that has failed (opcode 48 CF). It takes the
   five registers from the stack. */
static void iret_print(const struct trapframe *tf)
{
    const uint8_t *code = (const uint8_t *)tf->rip;
    const uint64_t *to = (const uint64_t *)tf->rsp;

    if (trap_from_user(tf) || tf->vector != VECTOR_PROTECTION || code[0] != 0x48 || code[1] != 0xcf)
        return;
    printk("by an IRET to rip %016lx cs %02lx rflags %08lx rsp %016lx ss %02lx\n", to[0], to[1],
           to[2], to[3], to[4]);
    if (to[1] != SEL_USER_CODE || to[4] != SEL_USER_DATA)
        printk("a program needs cs %02x and ss %02x\n", SEL_USER_CODE, SEL_USER_DATA);
}

static void entry_print(int level, pte_t entry)
{
    static const char *const names[] = {"", "leaf", "level 2", "level 3", "root"};

    if (entry & PTE_PRESENT)
        printk("  %-8s %016lx r%c%c, %s%s%s\n", names[level], entry, entry & PTE_WRITE ? 'w' : '-',
               entry & PTE_NX ? '-' : 'x', entry & PTE_USER ? "user" : "kernel",
               entry & PTE_SHARED ? ", shared" : "", entry & PTE_FRESH ? ", fresh" : "");
    else
        printk("  %-8s %016lx not present\n", names[level], entry);
}

void walk_print_from(paddr_t root, uint64_t addr)
{
    paddr_t table = root;

    printk("walk of 0x%016lx:\n", addr);
    for (int level = ROOT_LEVEL; level > 0; level--) {
        if (!boot_has_memory(table)) {
            printk("  the table at %#lx is outside of memory\n", table);
            return;
        }
        pte_t entry = ((pte_t *)phys_to_virt(table))[level_index(level, addr)];
        entry_print(level, entry);
        if (!(entry & PTE_PRESENT) || (level < ROOT_LEVEL && (entry & PTE_LARGE)))
            return;
        table = entry & PTE_ADDR;
    }
}

void walk_print(uint64_t addr)
{
    walk_print_from(cr3_read() & PTE_ADDR, addr);
}

void panic_stop_if_asked(void)
{
    if (!atomic_load(&panicking) || panicking_cpu == cpu_id())
        return;
    for (;;)
        asm volatile("cli; hlt");
}

/* Lets the first CPU pass, and stops the others. If the first one panics again, stops the
   machine. */
static void panic_enter(void)
{
    irq_disable();
    if (!atomic_exchange(&panicking, true)) {
        panicking_cpu = cpu_id();
        console_panic_mode();
        apic_stop_others();
        return;
    }
    if (panicking_cpu != cpu_id())
        panic_stop_if_asked(); /* only the first CPU reports */
    printk("panic: a second panic while the first is reported\n");
    machine_stop();
}

static void panic_say(const char *fmt, va_list args)
{
    static char text[1024]; /* of the only CPU that reports */

    vsnprintf(text, sizeof(text), rule_text(fmt), args);
    printk("\npanic: %s\n", text);
    report_broken(fmt, text);
}

/* Shows the registers of the first of several faults in the kernel, if each happened while the one
   before it was handled: the others only repeat it. */
static void oldest_fault_print(uint64_t rbp)
{
    unsigned count;
    const struct trapframe *oldest = backtrace_oldest_fault(rbp, &count);

    if (count < 2)
        return;
    printk("the first of %u nested exceptions in the kernel:\n", count);
    registers_print(oldest);
}

void panic(const char *fmt, ...)
{
    va_list args;
    panic_enter();
    va_start(args, fmt);
    panic_say(fmt, args);
    va_end(args);
    const uint64_t *frame = __builtin_frame_address(0);
    uint64_t rbp = frame[0], rip = frame[1]; /* the caller's */
    oldest_fault_print(rbp);
    printk("backtrace of CPU %u:\n", cpu_id());
    backtrace_of_call(rip, rbp);
    machine_stop();
}

void panic_trap(const struct trapframe *tf, const char *fmt, ...)
{
    va_list args;
    panic_enter();
    va_start(args, fmt);
    panic_say(fmt, args);
    va_end(args);
    registers_print(tf);
    iret_print(tf);
    if (tf->vector == VECTOR_PAGE_FAULT || tf->vector == VECTOR_DOUBLE_FAULT)
        printk("cr2 0x%016lx, cr3 %#lx\n", cr2_read(), cr3_read());
    if (tf->vector == VECTOR_DOUBLE_FAULT)
        walk_print(cr2_read());
    oldest_fault_print((uint64_t)__builtin_frame_address(0));
    printk("backtrace of CPU %u:\n", cpu_id());
    backtrace_of_trap(tf);
    machine_stop();
}
