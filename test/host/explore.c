/* The explorer: two CPUs and three operations, in every interleaving with at most so many preemptions.

       explore [-p PREEMPTIONS] [-j WORKERS]

   A scenario is a beginning (what has happened to the pages A and B before), one operation for CPU 0 and two for CPU 1.
   All combinations of the tables below are scenarios, in one address space that both CPUs run, and in two that share
   their page tables after a fork.

   A CPU can be preempted before every atomic operation, lock, level of a walk, and access. After each run, what the
   operations returned and what memory holds must be what the model says for one of the orders in which the three can
   follow each other; then everything ends, and the audit counts.

   Each schedule runs twice: in the second run both CPUs walk ahead to the pages at every step, and remember what a fault
   came from. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "concurrent.h"
#include "places.h"
#include "system.h"

/* Two pages of one leaf table. */
#define A HEAP
#define B (HEAP + 1)

#define RW (PROT_R | PROT_W)
#define RX (PROT_R | PROT_X)

#define OPS_CPU_1 2u

/* ---- The tables ---- */

/* The other process, where there is one: it shares the tables and pages, too. */
#define EXIT_OTHER                    \
    {                                 \
        .kind = OP_EXIT, .process = 2 \
    }

/* Operations of one CPU on its own process; `process` and `other` are filled in. */
static const struct op choices_0[] = {
    {.kind = OP_WRITE, .first = A},
    {.kind = OP_READ, .first = A},
    {.kind = OP_UNMAP, .first = A, .last = B},
    {.kind = OP_PROTECT, .first = A, .last = B, .prot = PROT_R},
    {.kind = OP_MAP, .first = A, .last = A, .prot = RW},
    {.kind = OP_FORK},
    {.kind = OP_TRUNCATE, .object = 0, .index = 0},
    {.kind = OP_THREAD_EXIT},
    {.kind = OP_SURVEY, .first = A, .last = B},
};

static const struct op choices_1[][OPS_CPU_1] = {
    {{.kind = OP_WRITE, .first = A}, {.kind = OP_READ, .first = A}},
    {{.kind = OP_READ, .first = A}, {.kind = OP_WRITE, .first = A}},
    {{.kind = OP_WRITE, .first = A}, {.kind = OP_WRITE, .first = B}},
    {{.kind = OP_WRITE, .first = B}, {.kind = OP_READ, .first = A}},
    {{.kind = OP_FORK}, {.kind = OP_WRITE, .first = A}},
    {{.kind = OP_WRITE, .first = A}, {.kind = OP_FORK}},
    {{.kind = OP_PROTECT, .first = A, .last = A, .prot = PROT_R}, {.kind = OP_WRITE, .first = A}},
    {{.kind = OP_PROTECT, .first = A, .last = A, .prot = RW}, {.kind = OP_WRITE, .first = A}},
    {{.kind = OP_UNMAP, .first = A, .last = A}, {.kind = OP_READ, .first = A}},
    {{.kind = OP_WRITE, .first = A}, {.kind = OP_THREAD_EXIT}},
    {{.kind = OP_WRITE, .first = A}, EXIT_OTHER},
    {EXIT_OTHER, {.kind = OP_READ, .first = A}},
};

#define MAP_RW                                            \
    {                                                     \
        .kind = OP_MAP, .first = A, .last = B, .prot = RW \
    }
#define READ_A                      \
    {                               \
        .kind = OP_READ, .first = A \
    }
#define READ_B                      \
    {                               \
        .kind = OP_READ, .first = B \
    }
#define WRITE_A                      \
    {                                \
        .kind = OP_WRITE, .first = A \
    }
#define WRITE_B                      \
    {                                \
        .kind = OP_WRITE, .first = B \
    }
#define FORK                        \
    {                               \
        .kind = OP_FORK, .other = 2 \
    }

/* What has happened before: operations of process 0. */
static const struct beginning {
    const char *name;
    unsigned nops;
    struct op ops[5];
} beginnings[] = {
    {"absent", 1, {MAP_RW}},
    {"zero page", 2, {MAP_RW, READ_A}},
    {"written", 2, {MAP_RW, WRITE_A}},
    {"copied", 4, {MAP_RW, WRITE_A, WRITE_B, FORK}},
    {"last owner", 5, {MAP_RW, WRITE_A, FORK, EXIT_OTHER, READ_A}},
    {"read-only",
     3,
     {MAP_RW, WRITE_A, {.kind = OP_PROTECT, .first = A, .last = B, .prot = PROT_R}}},
    {"file",
     3,
     {{.kind = OP_MAP, .first = A, .last = B, .prot = RW, .flags = F_OBJECT}, READ_A, READ_B}},
    {"shared",
     3,
     {{.kind = OP_MAP, .first = A, .last = B, .prot = RW, .flags = F_SHARED}, READ_A, READ_B}},
};

#define NCHOICES_0  ARRAY_SIZE(choices_0)
#define NCHOICES_1  ARRAY_SIZE(choices_1)
#define NBEGINNINGS ARRAY_SIZE(beginnings)
#define NSCENARIOS  (2 * NBEGINNINGS * NCHOICES_0 * NCHOICES_1)

/* Scenarios of which it is known that two preemptions are not enough: one operation for each CPU, and three. */
static const struct deep {
    struct beginning beginning;
    struct op ops[NCOROUTINES];
} deep[] = {
    /* The truncation of a file came to a child's address space while it was made. */
    {{"zero page, deep", 2, {MAP_RW, READ_A}},
     {{.kind = OP_TRUNCATE, .object = 0, .index = 0}, {.kind = OP_FORK}}},
};

#define NDEEP ARRAY_SIZE(deep)

static void begin_with(struct scenario *scenario, const struct beginning *beginning)
{
    scenario->name = beginning->name;
    scenario_add_setup(scenario, (struct op){.kind = OP_PROGRAM});
    for (unsigned n = 0; n < beginning->nops; n++)
        scenario_add_setup(scenario, beginning->ops[n]);
}

static void scenario_make(struct scenario *scenario, unsigned number)
{
    unsigned rest = number / 2 / NBEGINNINGS;

    *scenario = (struct scenario){.two_spaces = number % 2};
    begin_with(scenario, &beginnings[number / 2 % NBEGINNINGS]);
    scenario_add_op(scenario, 0, choices_0[rest % NCHOICES_0]);
    for (unsigned n = 0; n < OPS_CPU_1; n++)
        scenario_add_op(scenario, 1, choices_1[rest / NCHOICES_0][n]);
    scenario_load_cpus(scenario);
}

static void scenario_make_deep(struct scenario *scenario, const struct deep *from)
{
    *scenario = (struct scenario){.two_spaces = false};
    begin_with(scenario, &from->beginning);
    for (unsigned cpu = 0; cpu < NCOROUTINES; cpu++)
        scenario_add_op(scenario, cpu, from->ops[cpu]);
    scenario_load_cpus(scenario);
}

/* ---- All interleavings of one ---- */

#define DEEP_PREEMPTIONS 3u

static unsigned max_preemptions = 2; /* but for the deep ones */
static struct schedule schedule;
static uint64_t *runs; /* of each worker, in memory that the parent sees */

/* All schedules that begin like this one and have at most `most` preemptions. */
static void explore(unsigned worker, bool walk_ahead, unsigned most)
{
    unsigned last = schedule.npreemptions;
    unsigned from = last ? schedule.preemptions[last - 1] + 1 : 0;
    unsigned steps = scenario_run(&schedule, walk_ahead);

    runs[worker]++;
    if (last == most)
        return;
    for (unsigned step = from; step < steps; step++) {
        schedule.preemptions[last] = step;
        schedule.npreemptions = last + 1;
        explore(worker, walk_ahead, most);
    }
    schedule.npreemptions = last;
}

static void explore_scenario(const struct scenario *scenario, unsigned worker, unsigned most)
{
    if (!scenario_makes_sense(scenario))
        return;
    scenario_begin(scenario);
    for (unsigned n = 0; n < 2 * NCOROUTINES; n++) {
        schedule = (struct schedule){.first = n % NCOROUTINES};
        explore(worker, n / NCOROUTINES, most);
    }
}

/* ---- All scenarios ---- */

#define MAX_WORKERS 16u

static void work(unsigned worker, unsigned nworkers)
{
    static struct scenario scenario;

    system_init();
    for (unsigned number = worker; number < NSCENARIOS + NDEEP; number += nworkers) {
        if (number < NSCENARIOS) {
            scenario_make(&scenario, number);
            explore_scenario(&scenario, worker, max_preemptions);
        } else {
            scenario_make_deep(&scenario, &deep[number - NSCENARIOS]);
            explore_scenario(&scenario, worker, max(max_preemptions, DEEP_PREEMPTIONS));
        }
    }
    _exit(0);
}

/* As many workers as there are CPUs. Whether none has found anything. */
static bool explore_all(unsigned nworkers)
{
    bool ok = true;
    int status;

    for (unsigned worker = 0; worker < nworkers; worker++)
        if (fork() == 0)
            work(worker, nworkers);
    while (wait(&status) > 0)
        ok &= status == 0;
    return ok;
}

int main(int argc, char **argv)
{
    unsigned nworkers = min((unsigned)sysconf(_SC_NPROCESSORS_ONLN), MAX_WORKERS);
    uint64_t total = 0;

    for (int option; (option = getopt(argc, argv, "p:j:")) != -1;) {
        unsigned number = optarg ? strtoul(optarg, NULL, 0) : 0;

        if (option == 'p')
            max_preemptions = min(number, MAX_PREEMPTIONS);
        else if (option == 'j')
            nworkers = min(max(number, 1u), MAX_WORKERS);
        else
            return 2;
    }
    runs = mmap(NULL, MAX_WORKERS * sizeof(*runs), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bool ok = explore_all(nworkers);
    for (unsigned worker = 0; worker < nworkers; worker++)
        total += runs[worker];
    printf("# %u scenarios, %lu interleavings\n", (unsigned)(NSCENARIOS + NDEEP), total);
    printf("%s - host/explore, %u preemptions\n", ok ? "ok" : "not ok", max_preemptions);
    return !ok;
}
