/* Scenarios in which up to three CPUs operate at the same time. */
#pragma once

#include "coroutine.h"
#include "op.h"

#define MAX_SETUP 32u
#define MAX_OPS   2u /* per CPU */

struct scenario {
    const char *name;
    unsigned number; /* in the table of explore, or among those of hunt's seed */
    unsigned ncpus;
    uint8_t process_of[MAX_COROUTINES]; /* the process of each CPU; CPUs can share one */
    unsigned nsetup;
    struct op setup[MAX_SETUP];
    unsigned nops[MAX_COROUTINES];
    struct op ops[MAX_COROUTINES][MAX_OPS];
};

/* Add an operation to the setup, and to the concurrent operations of a CPU. A concurrent
   operation acts on the CPU's own process, unless it names another process than 0. */
void scenario_add_setup(struct scenario *scenario, struct op op);
void scenario_add_op(struct scenario *scenario, unsigned cpu, struct op op);

/* Completes the setup: forks the missing processes from process 0, and loads all CPUs. */
void scenario_load_cpus(struct scenario *scenario);

/* Returns true if every operation is valid in every order of the CPUs. */
bool scenario_makes_sense(const struct scenario *scenario);

/* Chooses the scenario for the following runs, and runs its setup once with all checks. */
void scenario_begin(const struct scenario *scenario);

/* Runs the operations as the schedule says, and checks that the model explains their results and
   the final memory in one order. With `walk_ahead`, all CPUs walk to the pages of the operations
   at every step, and a page fault drops no cached translation. Returns the steps that a
   preemption can choose from. */
struct step_count scenario_run(const struct schedule *schedule, bool walk_ahead);
