/* The timer interrupt, which wakes threads at their deadlines, and the tick: while a CPU runs a
   thread, one interrupt in TICK_NS samples what the thread does, and ends its turn. */
#pragma once

#include <arch/trap.h>
#include <sched/cputime.h>

#define TICK_NS 4000000ul

/* Handles a timer interrupt of this CPU. Returns true if it is a tick. Called by
   interrupt_dispatch, interrupts off. */
bool sched_timer(const struct trapframe *tf);

/* How a CPU has spent its time since boot. */
struct cpu_use {
    struct cputime busy;
    uint64_t idle_ns;
};
struct cpu_use tick_cpu_use(unsigned cpu);
