/* The timer tick: it charges the time of each CPU, wakes threads at their deadlines and ends turns.
   */
#pragma once

#include <arch/trap.h>

/* Handles a timer interrupt of this CPU. Called by interrupt_dispatch, interrupts off. */
void sched_tick(const struct trapframe *tf);

/* Ticks since boot (TICKS_PER_SEC a second), by what the CPU did when they came. */
struct cpu_ticks {
    uint64_t user, kernel, idle;
};

/* Returns how CPU `cpu` has spent its time. */
struct cpu_ticks tick_counts(unsigned cpu);

/* Returns the ticks that all CPUs together were idle for. */
uint64_t tick_idle_sum(void);
