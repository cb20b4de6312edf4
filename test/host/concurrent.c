/* Running two CPUs beside each other, and judging what came of it (concurrent.h).

   An order is a bit mask: bit n says which CPU's next operation comes n-th. If one order explains the results of all
   operations and the final state, the run was right. */

#include <stdio.h>
#include "check.h"
#include "concurrent.h"
#include "platform.h"
#include "sequence.h"
#include "system.h"

static const struct scenario *scenario; /* the one that runs */
static struct schedule schedule;
static bool ahead;
static struct model before; /* after the setup */
static struct result results[NCOROUTINES][MAX_OPS];

/* ---- Scenarios ---- */

void scenario_add_setup(struct scenario *to, struct op op)
{
    op.value = 1000 + to->nsetup;
    to->setup[to->nsetup++] = op;
}

void scenario_add_op(struct scenario *to, unsigned cpu, struct op op)
{
    unsigned n = to->nops[cpu]++;

    op.cpu = cpu;
    if (op.process == 0)
        op.process = to->two_spaces ? cpu : 0;
    op.other = 3 + cpu;
    op.value = 10 * cpu + n;
    to->ops[cpu][n] = op;
}

void scenario_load_cpus(struct scenario *to)
{
    scenario_add_setup(
        to, (struct op){.kind = to->two_spaces ? OP_FORK : OP_THREAD, .process = 0, .other = 1});
    for (unsigned cpu = 0; cpu < NCOROUTINES; cpu++) {
        unsigned process = to->two_spaces ? cpu : 0;

        scenario_add_setup(to, (struct op){.kind = OP_LOAD, .cpu = cpu, .process = process});
        for (unsigned n = 0; n < to->nops[cpu]; n++)
            scenario_add_setup(to, (struct op){.kind = OP_WALK_AHEAD,
                                               .cpu = cpu,
                                               .process = process,
                                               .first = to->ops[cpu][n].first});
    }
}

/* ---- Orders ---- */

static unsigned total_ops(const struct scenario *of)
{
    return of->nops[0] + of->nops[1];
}

/* Calls `visit` for the operations in the order of the mask until it returns false; whether it never did. The mask must
   give each CPU as many turns as it has operations, else false. */
static bool each_in_order(const struct scenario *of, unsigned mask,
                          bool (*visit)(struct model *model, const struct op *op, unsigned n),
                          struct model *after)
{
    unsigned at[NCOROUTINES] = {0};

    if ((unsigned)__builtin_popcount(mask) != of->nops[1])
        return false;
    *after = before;
    for (unsigned n = 0; n < total_ops(of); n++) {
        unsigned cpu = mask >> n & 1;

        if (!visit(after, &of->ops[cpu][at[cpu]], at[cpu]))
            return false;
        at[cpu]++;
    }
    return true;
}

static bool runs(struct model *after, const struct op *op, unsigned n __unused)
{
    bool can = model_can(after, op);

    if (can)
        (void)model_run(after, op, ~0ul);
    return can;
}

static bool agrees(struct model *after, const struct op *op, unsigned n)
{
    struct result want = model_run(after, op, ~0ul), got = results[op->cpu][n];

    return got.err == want.err && (got.err || got.value == want.value);
}

static bool model_setup(const struct scenario *of)
{
    model_init(&before);
    for (unsigned n = 0; n < of->nsetup; n++) {
        if (!model_can(&before, &of->setup[n]))
            return false;
        (void)model_run(&before, &of->setup[n], ~0ul);
    }
    return true;
}

bool scenario_makes_sense(const struct scenario *of)
{
    static struct model after;

    if (!model_setup(of))
        return false;
    for (unsigned mask = 0; mask < 1u << total_ops(of); mask++)
        if ((unsigned)__builtin_popcount(mask) == of->nops[1] &&
            !each_in_order(of, mask, runs, &after))
            return false;
    return true;
}

void scenario_begin(const struct scenario *next)
{
    static const struct sequence_options options = {.check_every = 1};

    scenario = next;
    sequence_run(scenario->setup, scenario->nsetup, &options);
    check(model_setup(scenario), "the setup makes no sense");
}

/* ---- Running ---- */

static void run_cpu(unsigned cpu)
{
    for (unsigned n = 0; n < scenario->nops[cpu]; n++)
        results[cpu][n] = system_run_loaded(&scenario->ops[cpu][n]);
}

static void both_walk_ahead(void)
{
    for (unsigned cpu = 0; cpu < NCOROUTINES; cpu++)
        for (unsigned n = 0; n < scenario->nops[cpu]; n++)
            for (unsigned who = 0; who < NCOROUTINES; who++)
                mmu_walk_ahead(who, places[scenario->ops[cpu][n].first].start);
}

static void print_state(void)
{
    fprintf(stderr, "%s, in %s:\n", scenario->name,
            scenario->two_spaces ? "two spaces" : "one space");
    for (unsigned n = 0; n < scenario->nsetup; n++)
        op_print(&scenario->setup[n]);
    fprintf(stderr, "then beside each other:\n");
    for (unsigned cpu = 0; cpu < NCOROUTINES; cpu++)
        for (unsigned n = 0; n < scenario->nops[cpu]; n++) {
            op_print(&scenario->ops[cpu][n]);
            fprintf(stderr, "        -> %d, %#lx\n", results[cpu][n].err, results[cpu][n].value);
        }
    fprintf(stderr, "CPU %u begins, preempted at steps", schedule.first);
    for (unsigned n = 0; n < schedule.npreemptions; n++)
        fprintf(stderr, " %u", schedule.preemptions[n]);
    fprintf(stderr, "%s\n", ahead ? "; the CPUs walk ahead" : "");
}

static void check_state(void *after)
{
    check_model(after);
}

/* One of the orders must explain everything. If none does, the finding says why not, for each order that explains at
   least what the operations returned. */
static void check_orders(void)
{
    char why[1024] = "";
    size_t len = 0;

    for (unsigned mask = 0; mask < 1u << total_ops(scenario); mask++) {
        if (!each_in_order(scenario, mask, agrees, &model))
            continue;
        if (finds_nothing(check_state, &model))
            return;
        len += snprintf(why + len, sizeof(why) - len, "\n    order");
        for (unsigned n = 0; n < total_ops(scenario) && len < sizeof(why); n++)
            len += snprintf(why + len, sizeof(why) - len, " %u", mask >> n & 1);
        if (len < sizeof(why))
            len += snprintf(why + len, sizeof(why) - len, ": %s", finding_text());
        len = min(len, sizeof(why) - 1);
    }
    finding("no order explains it%s", len ? why : ": what the operations return");
}

unsigned scenario_run(const struct schedule *how, bool walk_ahead)
{
    static const struct sequence_options options;
    const struct mmu_noise noise = {.keep_at_fault_one_in = walk_ahead};

    schedule = *how;
    ahead = walk_ahead;
    sequence_begin(&options);
    finding_hook = print_state;
    for (unsigned n = 0; n < scenario->nsetup; n++)
        (void)system_run(&scenario->setup[n]);
    mmu_set_noise(&noise, 1);
    unsigned steps = coroutines_run(&schedule, run_cpu, ahead ? both_walk_ahead : NULL);
    check_orders();
    sequence_end();
    return steps;
}
