/* The way back to user mode. Before it, a thread does what it was asked to do meanwhile: it takes
   signals, yields the CPU, rests. Every way into user mode passes here, the first one too. */
#pragma once

#include <arch/irq.h>
#include <arch/trap.h>
#include <sched/thread.h>

/* Carries out the thread's pending work until none is left. Interrupts are off on entry and on
   return; in between they are on. */
void user_return_work(struct trapframe *tf);

/* Carries out all pending work before user mode continues with `tf`. Returns with interrupts
   off. */
static inline void user_return_prepare(struct trapframe *tf)
{
    irq_disable();
    if (thread_has_work())
        user_return_work(tf);
}

/* Enters user mode for the first time in a new process, with the trapframe on its stack. */
__noreturn void user_return_first(void);
