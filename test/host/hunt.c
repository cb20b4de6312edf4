/* The hunter. Runs random operations of two or three CPUs at the same time, in random
   interleavings. The explorer, in contrast, runs a fixed table of scenarios in all
   interleavings.

       hunt [-s SEED] [-t SECONDS]

   Scenario n of a seed is always the same. Some operations touch several pages one after the
   other: copies, mprotect of a range, and truncation. The hunter runs none of them concurrently,
   because their results need not match any single order. */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "concurrent.h"
#include "places.h"
#include "system.h"

#define RUNS_OF_EACH 40u

/* Pages in two leaf tables, few enough that operations often use the same page. */
static const uint8_t pages[] = {HEAP, HEAP + 1, HEAP + 4, STACK, STACK + 7};

static const uint8_t kinds_before[] = {OP_READ,  OP_WRITE, OP_WRITE,    OP_WRITE,
                                       OP_MAP,   OP_MAP,   OP_PROTECT,  OP_UNMAP,
                                       OP_FETCH, OP_SBRK,  OP_TRUNCATE, OP_EXTEND};
static const uint8_t kinds_beside[] = {OP_READ,    OP_WRITE,   OP_WRITE, OP_WRITE, OP_FETCH, OP_MAP,
                                       OP_PROTECT, OP_PROTECT, OP_UNMAP, OP_FORK,  OP_SBRK};

static struct op random_op(struct random *random, enum op_kind kind)
{
    struct op op = op_random(random);

    op.kind = kind;
    op.cpu = op.process = op.fail = 0;
    op.first = pages[random_below(random, ARRAY_SIZE(pages))];
    op.last = kind == OP_PROTECT ? op.first : min(op.first + random_below(random, 2), NPLACES - 1);
    return op;
}

static void add_before(struct scenario *scenario, struct random *random)
{
    static const struct op heap = {.kind = OP_SBRK, .delta = 5 * PAGE_SIZE};
    unsigned n = random_below(random, 7);

    /* Where a stack grows, an access is two steps: the stack has grown, and then the access fails
       because another thread has protected its page. No order of whole operations explains this. */
    scenario_add_setup(scenario, (struct op){.kind = OP_PROGRAM, .flags = F_NO_GROWTH});
    scenario_add_setup(scenario, heap);
    while (n-- > 0) {
        uint8_t kind = kinds_before[random_below(random, ARRAY_SIZE(kinds_before))];

        scenario_add_setup(scenario, random_op(random, kind));
    }
    /* Another process may share the tables, or may have shared them. */
    if (random_one_in(random, 2))
        scenario_add_setup(scenario, (struct op){.kind = OP_FORK, .other = 2});
    if (random_one_in(random, 4))
        scenario_add_setup(scenario, random_op(random, OP_WRITE));
}

static struct scenario random_scenario(struct random *random)
{
    struct scenario scenario = {.name = "random", .ncpus = 2 + random_below(random, 2)};

    for (unsigned cpu = 1; cpu < scenario.ncpus; cpu++)
        scenario.process_of[cpu] = random_one_in(random, 3) ? cpu : 0;
    add_before(&scenario, random);
    for (unsigned cpu = 0; cpu < scenario.ncpus; cpu++)
        for (unsigned n = random_below(random, MAX_OPS) + 1; n > 0; n--) {
            uint8_t kind = kinds_beside[random_below(random, ARRAY_SIZE(kinds_beside))];

            if (n == 1 && random_one_in(random, 12))
                kind = OP_THREAD_EXIT;
            scenario_add_op(&scenario, cpu, random_op(random, kind));
        }
    scenario_load_cpus(&scenario);
    return scenario;
}

/* Chooses random preemptions at ascending steps below `steps`. */
static void random_preemptions(struct random *random, struct schedule *schedule, unsigned steps)
{
    unsigned from = 0;

    schedule->npreemptions = 0;
    for (unsigned n = random_below(random, MAX_PREEMPTIONS + 1); n > 0 && from < steps; n--) {
        from += random_below(random, (steps - from) / n + 1);
        schedule->preemptions[schedule->npreemptions++] =
            (struct preemption){.step = from++, .skip = random_below(random, 2)};
    }
}

static void run_randomly(struct random *random, unsigned ncpus)
{
    unsigned steps = 0;

    for (unsigned n = 0; n < RUNS_OF_EACH; n++) {
        struct schedule schedule = {.first = random_below(random, ncpus),
                                    .backwards = random_one_in(random, 2)};

        random_preemptions(random, &schedule, steps);
        steps = scenario_run(&schedule, random_one_in(random, 2)).all;
    }
}

int main(int argc, char **argv)
{
    uint64_t seed = time(NULL), scenarios = 0;
    time_t seconds = 10;

    for (int option; (option = getopt(argc, argv, "s:t:")) != -1;) {
        if (option == 's')
            seed = strtoul(optarg, NULL, 0);
        else if (option == 't')
            seconds = strtoul(optarg, NULL, 0);
        else
            return 2;
    }
    printf("# random operations of two or three CPUs, seed %lu\n", seed);
    fflush(stdout);
    system_init();
    for (time_t end = time(NULL) + seconds; time(NULL) < end;) {
        struct random random = random_from(seed * 0x10000001b3ul + scenarios);
        struct scenario scenario = random_scenario(&random);

        scenario.number = scenarios++;
        if (!scenario_makes_sense(&scenario))
            continue;
        scenario_begin(&scenario);
        run_randomly(&random, scenario.ncpus);
    }
    printf("# %lu scenarios, %u interleavings of each\n", scenarios, RUNS_OF_EACH);
    printf("ok - host/hunt, seed %lu\n", seed);
    return 0;
}
