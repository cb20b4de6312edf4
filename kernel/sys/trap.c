/* The three doors from arch/ into the kernel: faults, interrupts, system calls; and the way back to user mode, on
   which a thread does what it was asked to do meanwhile (signals, giving the CPU away, standing still).

   Interrupts are off at the doors. They are switched on as soon as what the hardware told has been read, and off again
   for the last look at the thread's WORK_ bits, so that none that comes later is overlooked. */

#include <asm/unistd.h>
#include <linux/errno.h>
#include <arch/console.h>
#include <arch/trap.h>
#include <dev/keyboard.h>
#include <dev/tty.h>
#include <lib/panic.h>
#include <lib/printf.h>
#include <proc/process.h>
#include <sched/world.h>
#include <sys/report.h>
#include <sys/table.h>
#include <vm/fault.h>

/* Before user mode goes on. Returns with interrupts off. */
static void prepare_user_return(void)
{
    irq_disable();
    while (thread_has_work()) {
        unsigned work = atomic_load(&thread_current()->work);

        irq_enable();
        if (work & WORK_STOP)
            world_rest();
        if (work & WORK_SIGNAL)
            signal_deliver();
        if (work & WORK_RESCHEDULE)
            thread_yield();
        irq_disable();
    }
}

/* ---- Faults ---- */

/* The signal that an exception of user code is turned into (as Linux does). */
static int signal_for(unsigned vector)
{
    switch (vector) {
    case VECTOR_DIVIDE:
    case VECTOR_FPU:
    case VECTOR_SIMD:
        return SIGFPE;
    case VECTOR_DEBUG:
    case VECTOR_BREAKPOINT:
        return SIGTRAP;
    case VECTOR_INVALID_OPCODE:
        return SIGILL;
    case VECTOR_NO_SEGMENT:
    case VECTOR_STACK:
    case VECTOR_ALIGNMENT:
        return SIGBUS;
    default:
        return SIGSEGV;
    }
}

static int signal_for_outcome(enum fault_outcome outcome)
{
    if (outcome == FAULT_NO_MEMORY)
        return SIGKILL;
    return outcome == FAULT_NO_PAGE ? SIGBUS : SIGSEGV;
}

static void user_fault(struct trapframe *tf, uint64_t addr, unsigned access)
{
    int signo = signal_for(tf->vector);

    if (tf->vector == VECTOR_PAGE_FAULT) {
        enum fault_outcome outcome = vspace_fault(process_current()->vspace, addr, access);

        if (fault_resolved(outcome))
            return;
        signo = signal_for_outcome(outcome);
        report_fault(tf, addr, access, outcome);
    } else {
        report_exception(tf);
    }
    signal_force(signo);
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
        if (outcome == FAULT_NO_MEMORY && signal_force(SIGKILL))
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
    prepare_user_return();
}

/* ---- Interrupts ---- */

void interrupt_dispatch(struct trapframe *tf)
{
    switch (tf->vector) {
    case VECTOR_TIMER:
        sched_tick(tf);
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
        prepare_user_return();
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
    syscall_fn *call = syscall_find(number);
    tf->rax = likely(call) ? call(tf) : no_such_call(number);
    prepare_user_return();
}
