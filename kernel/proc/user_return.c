/* The way back to user mode, and the work that is done on it.

   Always true: interrupts are off from the last look at the thread's WORK_ bits until user mode. If
   another CPU sets a bit after that look, its interrupt arrives in user mode, and the thread comes
   back here. So no work is missed.

   Locks: none is held. */

#include <proc/process.h>
#include <proc/ptrace.h>
#include <proc/user_return.h>
#include <sched/run.h>
#include <sched/world.h>

void user_return_work(struct trapframe *tf)
{
    unsigned work;

    if (thread_is_ptraced() && tf->vector == VECTOR_SYSCALL) {
        irq_enable();
        ptrace_call_ends();
        irq_disable();
    }
    while ((work = atomic_load(&thread_current()->work) & ~WORK_PTRACE)) {
        irq_enable();
        if (work & WORK_STOP)
            world_rest();
        if (work & WORK_TIMER)
            cpu_timer_expire();
        if (work & (WORK_SIGNAL | WORK_KILL))
            signal_deliver(tf);
        if (work & WORK_RESCHEDULE)
            thread_schedule();
        irq_disable();
    }
}

void user_return_first(void)
{
    struct trapframe *tf = thread_trapframe(thread_current());

    user_return_prepare(tf);
    trap_return(tf);
}
