/* The way back to user mode.

   Interrupts are off for the last look at the thread's WORK_ bits, and stay off up to user mode, so that none that
   comes later is overlooked. No lock is held at the door. */

#include <proc/process.h>
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
            thread_yield();
        irq_disable();
    }
}

void user_return_first(void)
{
    struct trapframe *tf = thread_trapframe(thread_current());

    user_return_prepare(tf);
    trap_return(tf);
}
