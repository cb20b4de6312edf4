/* The timer tick: samples what each CPU does, wakes threads at their deadlines, and ends turns. */
#pragma once

#include <arch/trap.h>
#include <sched/cputime.h>

#define TICKS_PER_SEC 100
#define TICK_NS       (1000000000ul / TICKS_PER_SEC)

/* Handles a timer interrupt of this CPU. Called by interrupt_dispatch, interrupts off. */
void sched_tick(const struct trapframe *tf);

/* How a CPU has spent its time since boot. */
struct cpu_use {
    struct cputime busy;
    uint64_t idle_ns;
};
struct cpu_use tick_cpu_use(unsigned cpu);
