/* Panic: stops the other CPUs, and reports everything that is known.

   The backtrace follows rbp. If a return address is one of entry.S's *_called, the saved rbp points
   to the trapframe of the interrupted code, and the backtrace continues there. It reads kernel
   stacks only, so a damaged stack causes no fault. If another fault occurs, the second panic says
   so and stops. No lock is taken, because its holder may be what is broken. */
#include <arch/atomic.h>
#include <arch/boot.h>
#include <arch/console.h>
#include <arch/cpu.h>
#include <arch/page.h>
#include <arch/paging.h>
#include <arch/power.h>
#include <arch/trap.h>
#include <lib/panic.h>
#include <stdarg.h>
#include "apic.h"
#include "panic.h"
#include "regs.h"
#include "symbol.h"

#define MAX_FRAMES 32

/* What `call` and the first two instructions of a function push. */
struct stack_frame {
    uint64_t rbp, rip;
};

extern char trap_called[], paranoid_called[], syscall_called[];

static bool panicking; /* atomic */
static unsigned panicking_cpu;

static bool is_trap_call(uint64_t rip)
{
    return rip == (uint64_t)trap_called || rip == (uint64_t)paranoid_called ||
           rip == (uint64_t)syscall_called;
}

/* Returns the frame at `rbp`, or NULL if no frame can be there. */
static const struct stack_frame *frame_at(uint64_t rbp)
{
    bool good = rbp % 8 == 0 && kstack_contains(rbp, sizeof(struct stack_frame));
    return good ? (const struct stack_frame *)rbp : NULL;
}

/* Returns the trapframe that `frame` returns to, or NULL if it returns to an ordinary caller. */
static const struct trapframe *frame_trap(const struct stack_frame *frame)
{
    bool good = is_trap_call(frame->rip) && kstack_contains(frame->rbp, sizeof(struct trapframe));
    return good ? (const struct trapframe *)frame->rbp : NULL;
}

/* The kinds of address in a backtrace: an interrupted instruction, or one to return to. */
enum rip_kind { RIP_INTERRUPTED, RIP_RETURN };

/* Prints one line of a backtrace. A return address lies behind the end of its function if that ends
   with a call that never returns, so the symbol of the byte before it is looked up. */
static void rip_print(unsigned n, uint64_t rip, enum rip_kind kind)
{
    uint64_t offset, back = kind == RIP_RETURN ? 1 : 0;
    const char *name = symbol_find(rip - back, &offset);

    if (name)
        printk("#%u 0x%016lx %s+%#lx\n", n, rip, name, offset + back);
    else
        printk("#%u 0x%016lx\n", n, rip);
}

static void trap_print(const struct trapframe *tf)
{
    printk("    -- %s%s --\n", vector_name(tf->vector),
           trap_from_user(tf) ? " from user mode" : "");
}

static void backtrace_from(uint64_t rip, enum rip_kind kind, uint64_t rbp)
{
    rip_print(0, rip, kind);
    for (unsigned n = 1; n < MAX_FRAMES; n++) {
        const struct stack_frame *frame = frame_at(rbp);
        if (!frame || !frame->rip)
            return;
        rip = frame->rip;
        rbp = frame->rbp;
        const struct trapframe *tf = frame_trap(frame);
        if (tf) {
            trap_print(tf);
            if (trap_from_user(tf))
                return;
            rip = tf->rip;
            rbp = tf->rbp;
        }
        rip_print(n, rip, tf ? RIP_INTERRUPTED : RIP_RETURN);
    }
}

void backtrace_print(uint64_t rip, uint64_t rbp)
{
    backtrace_from(rip, RIP_RETURN, rbp);
}

/* Returns the innermost trapframe on the stack, or NULL if the stack begins in the boot code. */
static const struct trapframe *trap_innermost(uint64_t rbp)
{
    for (unsigned n = 0; n < MAX_FRAMES; n++) {
        const struct stack_frame *frame = frame_at(rbp);
        if (!frame)
            return NULL;
        const struct trapframe *tf = frame_trap(frame);
        if (tf)
            return tf;
        rbp = frame->rbp;
    }
    return NULL;
}

static void registers_print(const struct trapframe *tf)
{
    printk("%s, error 0x%lx, cr2 0x%016lx, cr3 %#lx\n", vector_name(tf->vector), tf->error,
           cr2_read(), cr3_read());
    printk("rip %016lx cs %02lx rflags %08lx rsp %016lx ss %02lx\n", tf->rip, tf->cs, tf->rflags,
           tf->rsp, tf->ss);
    printk("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", tf->rax, tf->rbx, tf->rcx, tf->rdx);
    printk("rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", tf->rsi, tf->rdi, tf->rbp, tf->r8);
    printk("r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", tf->r9, tf->r10, tf->r11, tf->r12);
    printk("r13 %016lx r14 %016lx r15 %016lx\n", tf->r13, tf->r14, tf->r15);
}

static void entry_print(int level, pte_t entry)
{
    static const char *const names[] = {"", "leaf", "level 2", "level 3", "root"};

    if (entry & PTE_PRESENT)
        printk("  %-8s %016lx r%c%c, %s%s\n", names[level], entry, entry & PTE_WRITE ? 'w' : '-',
               entry & PTE_NX ? '-' : 'x', entry & PTE_USER ? "user" : "kernel",
               entry & PTE_SHARED ? ", shared" : "");
    else
        printk("  %-8s %016lx not present\n", names[level], entry);
}

static bool is_memory(paddr_t addr)
{
    for (unsigned i = 0; i < boot_info.nram; i++)
        if (addr >= boot_info.ram[i].start && addr < boot_info.ram[i].end)
            return true;
    return false;
}

void walk_print(uint64_t addr)
{
    paddr_t table = cr3_read() & PTE_ADDR;
    printk("walk of 0x%016lx:\n", addr);
    for (int level = ROOT_LEVEL; level > 0; level--) {
        if (!is_memory(table)) {
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

void panic_stop_if_asked(void)
{
    if (!atomic_load(&panicking))
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
    printk("\npanic: ");
    vprintk(fmt, args);
    printk("\n");
}

static void panic_report(uint64_t rip, uint64_t rbp)
{
    const struct trapframe *tf = trap_innermost(rbp);
    if (tf)
        registers_print(tf);
    if (tf && (tf->vector == VECTOR_PAGE_FAULT || tf->vector == VECTOR_DOUBLE_FAULT))
        walk_print(cr2_read());
    printk("backtrace of CPU %u:\n", cpu_id());
    backtrace_from(rip, RIP_RETURN, rbp);
}

void panic(const char *fmt, ...)
{
    va_list args;
    panic_enter();
    va_start(args, fmt);
    panic_say(fmt, args);
    va_end(args);
    const struct stack_frame *frame = __builtin_frame_address(0);
    panic_report(frame->rip, frame->rbp);
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
    printk("backtrace of CPU %u:\n", cpu_id());
    backtrace_from(tf->rip, RIP_INTERRUPTED, tf->rbp);
    machine_stop();
}
