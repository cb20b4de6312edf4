/* Two CPUs that really run beside each other: each has a stack of its own, and the other may go on at every step().

   A schedule says who begins and at which steps the CPU that runs is preempted. Beyond that a CPU runs until it has to
   wait (a lock, an instruction of the other that a flush waits for) or is done. So a schedule always gives the same run. */
#pragma once

#include <lib/base.h>

#define NCOROUTINES     2u
#define MAX_PREEMPTIONS 4u

struct schedule {
    unsigned first; /* the CPU that begins */
    unsigned npreemptions;
    unsigned preemptions[MAX_PREEMPTIONS]; /* the steps at which, ascending */
};

/* Runs body(0) on CPU 0 and body(1) on CPU 1 to their ends. `at_step` (NULL: nothing) is called at each step. Returns how
   many steps there were until one of the two was done: there a preemption makes a difference. */
unsigned coroutines_run(const struct schedule *schedule, void (*body)(unsigned cpu),
                        void (*at_step)(void));
