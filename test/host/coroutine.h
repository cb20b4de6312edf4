/* Coroutines: up to three CPUs that really run beside each other. Each has a stack of its own, and
   another one may go on at every step().

   A schedule says which CPU begins, at which steps the CPU that runs is preempted, and which one
   goes on then. Beyond that a CPU runs until it has to wait (for a lock, or for an instruction of
   another CPU before a flush) or is done; then the next in turn goes on. So a schedule always gives
   the same run. */
#pragma once

#include <lib/base.h>

#define MAX_COROUTINES  3u
#define MAX_PREEMPTIONS 4u

struct preemption {
    unsigned step; /* counted from the beginning of the run */
    unsigned
        skip; /* of the CPUs that are not done, how many in turn are passed over: 0, or 1 of two */
    unsigned cpu; /* that went on; set by the run */
};

struct schedule {
    unsigned first; /* the CPU that begins */
    bool backwards; /* turns go down, 2 1 0, rather than up; two CPUs know no difference */
    unsigned npreemptions;
    struct preemption preemptions[MAX_PREEMPTIONS]; /* steps ascend */
};

/* The steps of a run at which a preemption makes a difference. */
struct step_count {
    unsigned all;         /* until a single CPU is left */
    unsigned with_choice; /* the first of them, while two others can go on */
};

/* Runs body(n) on each CPU n below `ncpus` to its end. `at_step` (NULL: nothing) is called at each
   step. */
struct step_count coroutines_run(unsigned ncpus, struct schedule *schedule,
                                 void (*body)(unsigned cpu), void (*at_step)(void));
