/* The last look before user mode: what the thread was asked to do meanwhile (signals, giving the CPU away, standing
   still) is done first. Every way into user mode has it, the first step of a new process too. */
#pragma once

#include <arch/irq.h>
#include <arch/trap.h>
#include <sched/thread.h>

/* Does what the thread was asked to do, until nothing is left. Interrupts are off, on entry and at the end. */
void user_return_work(struct trapframe *tf);

/* Before user mode goes on with `tf`. Returns with interrupts off: work that comes later interrupts user mode. */
static inline void user_return_prepare(struct trapframe *tf)
{
    irq_disable();
    if (thread_has_work())
        user_return_work(tf);
}

/* A new process's first step into user mode, with the trapframe on its stack. */
__noreturn void user_return_first(void);
