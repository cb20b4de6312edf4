/* Coroutines: up to three CPUs that run concurrently. Each has a stack of its own, and at every
   step() another CPU can continue.

   A schedule says which CPU begins, at which steps the running CPU is preempted, and which CPU
   continues then. Otherwise a CPU runs until it must wait or is done. A CPU waits for a lock or,
   before a flush, for an instruction of another CPU. Then the next CPU in turn continues. So a
   schedule always gives the same run. */
#pragma once

#include <lib/base.h>

#define MAX_COROUTINES  3u
#define MAX_PREEMPTIONS 4u

struct preemption {
    unsigned step; /* counted from the beginning of the run */
    unsigned skip; /* CPUs in turn to pass over: 0, or 1 of two */
    unsigned cpu;  /* the CPU that continued; set by the run */
};

struct schedule {
    unsigned first; /* the CPU that begins */
    bool backwards; /* turns go down, 2 1 0; no difference for two CPUs */
    unsigned npreemptions;
    struct preemption preemptions[MAX_PREEMPTIONS]; /* in ascending order of steps */
};

/* The steps of a run at which a preemption makes a difference. */
struct step_count {
    unsigned all;         /* until a single CPU is left */
    unsigned with_choice; /* the first steps, while two other CPUs can continue */
};

/* Runs body(n) to its end on each CPU n below `ncpus`. `at_step` is called at each step, unless
   it is NULL. Returns the numbers of steps. */
struct step_count coroutines_run(unsigned ncpus, struct schedule *schedule,
                                 void (*body)(unsigned cpu), void (*at_step)(void));
