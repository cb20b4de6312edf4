/* Scenarios of up to three CPUs that operate at the same time. */
#pragma once

#include "coroutine.h"
#include "op.h"

#define MAX_SETUP 32u
#define MAX_OPS   2u /* of one CPU */

struct scenario {
    const char *name;
    unsigned number; /* in the table of explore, or of those that hunt made of its seed */
    unsigned ncpus;
    uint8_t process_of[MAX_COROUTINES]; /* that each CPU runs; equal numbers: threads of one */
    unsigned nsetup;
    struct op setup[MAX_SETUP];
    unsigned nops[MAX_COROUTINES];
    struct op ops[MAX_COROUTINES][MAX_OPS];
};

/* An operation before, and one of those that run beside each other; that is on its CPU's own
   process, unless it names another one than 0. */
void scenario_add_setup(struct scenario *scenario, struct op op);
void scenario_add_op(struct scenario *scenario, unsigned cpu, struct op op);

/* Forks from process 0 what the setup has not made, and loads all CPUs: the end of a setup. */
void scenario_load_cpus(struct scenario *scenario);

/* Whether every operation makes sense, in whatever order the CPUs take their turns. */
bool scenario_makes_sense(const struct scenario *scenario);

/* Chooses the scenario for the following runs; carries its setup out once with all checks. */
void scenario_begin(const struct scenario *scenario);

/* Carries the operations out as the schedule says. With `walk_ahead`, all CPUs walk to the pages of
   the operations at every step, and keep what a fault came from. What the operations return and
   what memory holds afterwards must be what the model says for one of their orders. Returns the
   steps that a preemption can choose from. */
struct step_count scenario_run(const struct schedule *schedule, bool walk_ahead);
