/* The three doors from arch/ into the kernel: faults, interrupts, system calls.

   Interrupts are off at the doors. They are switched on as soon as what the hardware told has been read. The way back to
   user mode is through user_return_prepare, which switches them off again. */

#include <asm/unistd.h>
#include <linux/errno.h>
#include <arch/console.h>
#include <arch/trap.h>
#include <dev/keyboard.h>
#include <dev/tty.h>
#include <lib/panic.h>
#include <lib/printf.h>
#include <proc/process.h>
#include <proc/user_return.h>
#include <sched/run.h>
#include <sched/tick.h>
#include <sys/report.h>
#include <sys/table.h>
#include <vm/fault.h>

/* ---- Faults ---- */

/* The signal that an exception of user code is turned into, and what its handler is told (as Linux
   does). Not for page faults. */
static struct signal_info exception_signal(const struct trapframe *tf)
{
    switch (tf->vector) {
    case VECTOR_DIVIDE:
        return (struct signal_info){.signo = SIGFPE, .code = FPE_INTDIV, .addr = tf->rip};
    case VECTOR_FPU:
    case VECTOR_SIMD:
        return (struct signal_info){
            .signo = SIGFPE, .code = context_fpu_fault(tf->vector == VECTOR_FPU), .addr = tf->rip};
    case VECTOR_DEBUG:
        return (struct signal_info){.signo = SIGTRAP, .code = TRAP_TRACE, .addr = tf->rip};
    case VECTOR_BREAKPOINT:
        return (struct signal_info){.signo = SIGTRAP, .code = SI_KERNEL};
    case VECTOR_INVALID_OPCODE:
        return (struct signal_info){.signo = SIGILL, .code = ILL_ILLOPN, .addr = tf->rip};
    case VECTOR_ALIGNMENT:
        return (struct signal_info){.signo = SIGBUS, .code = BUS_ADRALN};
    case VECTOR_NO_SEGMENT:
    case VECTOR_STACK:
        return (struct signal_info){.signo = SIGBUS, .code = SI_KERNEL};
    default:
        return (struct signal_info){.signo = SIGSEGV, .code = SI_KERNEL};
    }
}

static struct signal_info page_fault_signal(enum fault_outcome outcome, uint64_t addr)
{
    switch (outcome) {
    case FAULT_NO_MEMORY:
        return (struct signal_info){.signo = SIGKILL, .code = SI_KERNEL};
    case FAULT_NO_PAGE:
        return (struct signal_info){.signo = SIGBUS, .code = BUS_ADRERR, .addr = addr};
    case FAULT_NOT_ALLOWED:
        return (struct signal_info){.signo = SIGSEGV, .code = SEGV_ACCERR, .addr = addr};
    default:
        return (struct signal_info){.signo = SIGSEGV, .code = SEGV_MAPERR, .addr = addr};
    }
}

/* A fault that the program has a handler for is its own business, and not reported. */
static void user_page_fault(struct trapframe *tf, uint64_t addr, unsigned access)
{
    /* An access of the CPU's own (to a descriptor table; with QEMU, to the stack of an IRET) is not made good by a page.
     */
    enum fault_outcome outcome = access & FAULT_USER
                                     ? vspace_fault(process_current()->vspace, addr, access)
                                     : FAULT_NOT_ALLOWED;

    if (fault_resolved(outcome))
        return;
    const struct signal_info info = page_fault_signal(outcome, addr);
    if (signal_force(&info))
        report_fault(tf, addr, access, outcome);
}

static void user_fault(struct trapframe *tf, uint64_t addr, unsigned access)
{
    if (tf->vector == VECTOR_PAGE_FAULT) {
        user_page_fault(tf, addr, access);
        return;
    }
    const struct signal_info info = exception_signal(tf);
    if (signal_force(&info))
        report_exception(tf);
}

/* A fault in kernel code: only the user-copy routines may have one. Says whether the kernel goes on. */
static bool kernel_fault(struct trapframe *tf, uint64_t addr, unsigned access)
{
    uint64_t fixup = extable_find(tf->rip);
    const struct process *process = process_current();

    if (!fixup)
        return false;
    if (tf->vector == VECTOR_PAGE_FAULT) {
        /* A user's address, touched as data: never the kernel's half, never a fetch, never a broken table. */
        if (addr >= USER_END || (access & (FAULT_EXEC | FAULT_RESERVED)) || !process ||
            !process->vspace)
            return false;
        if (tf->rflags & RFLAGS_IF)
            irq_enable();
        enum fault_outcome outcome = vspace_fault(process->vspace, addr, access);
        irq_disable();
        if (fault_resolved(outcome))
            return true;
        /* A copy tries the last bytes one by one: the second fault says nothing new. */
        const struct signal_info info = page_fault_signal(outcome, addr);
        if (outcome == FAULT_NO_MEMORY && signal_force(&info))
            report_fault(tf, addr, access, outcome);
    }
    tf->rip = fixup;
    return true;
}

void fault_dispatch(struct trapframe *tf, uint64_t addr, unsigned access)
{
    if (!trap_from_user(tf)) {
        if (!kernel_fault(tf, addr, access))
            report_panic(tf, addr, access);
        return;
    }
    irq_enable();
    user_fault(tf, addr, access);
    user_return_prepare(tf);
}

/* ---- Interrupts ---- */

void interrupt_dispatch(struct trapframe *tf)
{
    switch (tf->vector) {
    case VECTOR_TIMER:
        sched_tick(tf);
        if (trap_from_user(tf))
            cpu_timer_tick();
        break;
    case VECTOR_IRQ_BASE + SERIAL_IRQ:
        tty_interrupt();
        break;
    case VECTOR_IRQ_BASE + KEYBOARD_IRQ:
        keyboard_interrupt();
        break;
    case VECTOR_RESCHEDULE: /* its work is done on the way out */
        break;
    default:
        printk("interrupt %lu: nobody wants it\n", tf->vector);
    }
    if (trap_from_user(tf))
        user_return_prepare(tf);
    else
        sched_preempt();
}

/* ---- System calls ---- */

static long no_such_call(uint64_t number)
{
    static uint64_t named[8]; /* a bit a number: has it been named? */
    uint64_t bit = 1ul << number % 64;

    if (number < 64 * ARRAY_SIZE(named) && !(atomic_load(&named[number / 64]) & bit)) {
        atomic_or(&named[number / 64], bit);
        printk("%s: system call %lu is not there\n", process_current()->name, number);
    }
    return -ENOSYS;
}

void syscall_dispatch(struct trapframe *tf)
{
    uint64_t number = tf->error;

    irq_enable();
    if (!thread_is_traced() || trace_syscall_enter(tf)) {
        syscall_fn *call = syscall_find(number);
        tf->rax = likely(call) ? call(tf) : no_such_call(number);
    }
    user_return_prepare(tf);
}
