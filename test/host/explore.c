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
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"
#include "coroutine.h"
#include "platform.h"
#include "sequence.h"
#include "system.h"

/* Two pages of one leaf table. */
#define A HEAP
#define B (HEAP + 1)

#define RW (PROT_R | PROT_W)
#define RX (PROT_R | PROT_X)

#define MAX_SETUP 12
#define OPS_CPU_0 1u
#define OPS_CPU_1 2u
#define MAX_OPS   2u

/* ---- The tables ---- */

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
    {"last owner", 5, {MAP_RW, WRITE_A, FORK, {.kind = OP_EXIT, .process = 2}, READ_A}},
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

struct scenario {
    const char *beginning;
    bool two_spaces;
    struct op setup[MAX_SETUP];
    unsigned nsetup;
    struct op ops[NCOROUTINES][MAX_OPS];
    unsigned nops[NCOROUTINES];
};

static void add_setup(struct scenario *scenario, struct op op)
{
    op.value = 1000 + scenario->nsetup;
    scenario->setup[scenario->nsetup++] = op;
}

static void add_op(struct scenario *scenario, unsigned cpu, struct op op)
{
    unsigned n = scenario->nops[cpu]++;

    op.cpu = cpu;
    op.process = scenario->two_spaces ? cpu : 0;
    op.other = 3 + cpu;
    op.value = 10 * cpu + n;
    scenario->ops[cpu][n] = op;
}

/* On CPU 1 runs another thread of process 0, or its child, process 1. Both CPUs remember page A. */
static void add_cpus(struct scenario *scenario)
{
    struct op second = {.kind = scenario->two_spaces ? OP_FORK : OP_THREAD, .other = 1};

    add_setup(scenario, second);
    for (unsigned cpu = 0; cpu < NCOROUTINES; cpu++) {
        struct op op = {.cpu = cpu, .process = scenario->two_spaces ? cpu : 0, .first = A};

        op.kind = OP_LOAD;
        add_setup(scenario, op);
        op.kind = OP_WALK_AHEAD;
        add_setup(scenario, op);
    }
}

static void scenario_make(struct scenario *scenario, unsigned number)
{
    const struct beginning *beginning = &beginnings[number / 2 % NBEGINNINGS];
    unsigned rest = number / 2 / NBEGINNINGS;

    *scenario = (struct scenario){.beginning = beginning->name, .two_spaces = number % 2};
    add_setup(scenario, (struct op){.kind = OP_PROGRAM});
    for (unsigned n = 0; n < beginning->nops; n++)
        add_setup(scenario, beginning->ops[n]);
    add_cpus(scenario);
    add_op(scenario, 0, choices_0[rest % NCHOICES_0]);
    for (unsigned n = 0; n < OPS_CPU_1; n++)
        add_op(scenario, 1, choices_1[rest / NCHOICES_0][n]);
}

/* ---- One run ---- */

static const struct scenario *scenario; /* which is explored */
static struct schedule schedule;        /* the run's */
static bool walk_ahead;     /* both CPUs walk ahead at every step, and forget nothing at a fault */
static struct model before; /* after the setup */
static struct result results[NCOROUTINES][MAX_OPS];

static void run_setup(void)
{
    for (unsigned n = 0; n < scenario->nsetup; n++)
        (void)system_run(&scenario->setup[n]);
}

/* The model of the setup; the kernel is taken along, and checked. */
static void model_setup(void)
{
    static const struct sequence_options options = {.check_every = 1};

    sequence_run(scenario->setup, scenario->nsetup, &options);
    model_init(&before);
    for (unsigned n = 0; n < scenario->nsetup; n++)
        (void)model_run(&before, &scenario->setup[n], ~0ul);
}

static void run_cpu(unsigned cpu)
{
    for (unsigned n = 0; n < scenario->nops[cpu]; n++)
        results[cpu][n] = system_run_loaded(&scenario->ops[cpu][n]);
}

static void both_walk_ahead(void)
{
    static const uint8_t pages[] = {A, B};

    for (unsigned cpu = 0; cpu < NCOROUTINES; cpu++)
        for (unsigned n = 0; n < ARRAY_SIZE(pages); n++)
            mmu_walk_ahead(cpu, places[pages[n]].start);
}

/* ---- What may come of it ---- */

static bool is_same(const struct result *a, const struct result *b)
{
    return a->err == b->err && (a->err || a->value == b->value);
}

/* Runs the model in the order in which CPU 0's operation comes after `n` of CPU 1's. Whether the results are those. */
static bool results_agree(struct model *after, unsigned n)
{
    unsigned at[NCOROUTINES] = {0};

    *after = before;
    for (unsigned i = 0; i < OPS_CPU_0 + OPS_CPU_1; i++) {
        unsigned cpu = i != n;
        struct result want = model_run(after, &scenario->ops[cpu][at[cpu]], ~0ul);

        if (!is_same(&want, &results[cpu][at[cpu]++]))
            return false;
    }
    return true;
}

static void check_state(void *after)
{
    check_model(after);
}

static void print_state(void)
{
    fprintf(stderr, "beginning: %s, %s\n", scenario->beginning,
            scenario->two_spaces ? "two spaces" : "one space");
    for (unsigned cpu = 0; cpu < NCOROUTINES; cpu++)
        for (unsigned n = 0; n < scenario->nops[cpu]; n++) {
            op_print(&scenario->ops[cpu][n]);
            fprintf(stderr, "        -> %d, %#lx\n", results[cpu][n].err, results[cpu][n].value);
        }
    fprintf(stderr, "CPU %u begins, preempted at", schedule.first);
    for (unsigned n = 0; n < schedule.npreemptions; n++)
        fprintf(stderr, " %u", schedule.preemptions[n]);
    fprintf(stderr, "%s\n", walk_ahead ? "; CPUs walk ahead" : "");
}

/* One of the orders must explain everything. */
static void check_orders(void)
{
    char why[512] = "the results";

    for (unsigned n = 0; n <= OPS_CPU_1; n++) {
        if (!results_agree(&model, n))
            continue;
        if (finds_nothing(check_state, &model))
            return;
        snprintf(why, sizeof(why), "%s", finding_text());
    }
    finding("no order explains it: %s", why);
}

/* Returns how many steps can be preempted. */
static unsigned run(void)
{
    static const struct sequence_options options;
    const struct mmu_noise noise = {.keep_at_fault_one_in = walk_ahead};

    sequence_begin(&options);
    finding_hook = print_state;
    run_setup();
    mmu_set_noise(&noise, 1);
    unsigned steps = coroutines_run(&schedule, run_cpu, walk_ahead ? both_walk_ahead : NULL);
    check_orders();
    sequence_end();
    return steps;
}

/* ---- All runs ---- */

static unsigned max_preemptions = MAX_PREEMPTIONS;
static uint64_t *runs; /* of each worker, in memory that the parent sees */

/* All schedules that begin like this one. */
static void explore(unsigned worker)
{
    unsigned last = schedule.npreemptions;
    unsigned from = last ? schedule.preemptions[last - 1] + 1 : 0;
    unsigned steps = run();

    runs[worker]++;
    if (last == max_preemptions)
        return;
    for (unsigned step = from; step < steps; step++) {
        schedule.preemptions[last] = step;
        schedule.npreemptions = last + 1;
        explore(worker);
    }
    schedule.npreemptions = last;
}

static void explore_scenario(unsigned number, unsigned worker)
{
    static struct scenario made;

    scenario_make(&made, number);
    scenario = &made;
    model_setup();
    for (unsigned n = 0; n < 2 * NCOROUTINES; n++) {
        schedule = (struct schedule){.first = n % NCOROUTINES};
        walk_ahead = n / NCOROUTINES;
        explore(worker);
    }
}

#define MAX_WORKERS 16u

static void work(unsigned worker, unsigned nworkers)
{
    system_init();
    for (unsigned number = worker; number < NSCENARIOS; number += nworkers)
        explore_scenario(number, worker);
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
    printf("# %u scenarios, %lu interleavings\n", (unsigned)NSCENARIOS, total);
    printf("%s - host/explore, %u preemptions\n", ok ? "ok" : "not ok", max_preemptions);
    return !ok;
}
