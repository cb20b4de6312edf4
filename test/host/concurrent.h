/* Scenarios of two CPUs that operate at the same time. */
#pragma once

#include "coroutine.h"
#include "op.h"

#define MAX_SETUP 24
#define MAX_OPS   2u /* of one CPU */

struct scenario {
    const char *name;
    bool
        two_spaces; /* CPU 1 runs process 1, a child of process 0; else another thread of process 0 */
    unsigned nsetup;
    struct op setup[MAX_SETUP];
    unsigned nops[NCOROUTINES];
    struct op ops[NCOROUTINES][MAX_OPS];
};

/* An operation before, and one of those that run beside each other; that is on its CPU's own process, unless it names
   another one than 0. */
void scenario_add_setup(struct scenario *scenario, struct op op);
void scenario_add_op(struct scenario *scenario, unsigned cpu, struct op op);

/* Brings CPU 1 in, and loads both CPUs: the end of a setup. */
void scenario_load_cpus(struct scenario *scenario);

/* Whether every operation makes sense, in whatever order the CPUs take their turns. */
bool scenario_makes_sense(const struct scenario *scenario);

/* Chooses the scenario for the following runs; carries its setup out once with all checks. */
void scenario_begin(const struct scenario *scenario);

/* Carries the operations out as the schedule says. With `walk_ahead`, both CPUs walk to the pages of the operations at
   every step, and keep what a fault came from. What the operations return and what memory holds afterwards must be what the
   model says for one of their orders. Returns how many steps a preemption can choose from. */
unsigned scenario_run(const struct schedule *schedule, bool walk_ahead);
