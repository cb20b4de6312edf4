/* Runs scenarios on simulated CPUs, and checks their outcome (concurrent.h).

   An order is a sequence of CPU numbers: the CPU of the first operation, of the second, and so
   on. The run is right if one order explains the results of all operations and the final state. */

#include <stdio.h>
#include <string.h>
#include "check.h"
#include "concurrent.h"
#include "platform.h"
#include "sequence.h"
#include "system.h"

static const struct scenario *scenario; /* the scenario that runs */
static struct schedule schedule;
static bool ahead;
static unsigned npages_ahead;
static uint8_t pages_ahead[MAX_COROUTINES * MAX_OPS]; /* places, without duplicates */
static struct model before;                           /* the model after the setup */
static struct result results[MAX_COROUTINES][MAX_OPS];

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
        op.process = to->process_of[cpu];
    op.other = 3 + cpu;
    op.value = 10 * cpu + n;
    to->ops[cpu][n] = op;
}

/* Returns true if an operation of the setup so far creates the process. */
static bool setup_makes(const struct scenario *of, unsigned process)
{
    for (unsigned n = 0; n < of->nsetup; n++)
        if ((of->setup[n].kind == OP_PROGRAM && of->setup[n].process == process) ||
            (of->setup[n].kind == OP_FORK && of->setup[n].other == process))
            return true;
    return false;
}

/* Adds the setup that gives the CPU a thread to run. A new process is forked with its first
   thread. If a lower CPU runs the same process, one more thread is added. */
static void add_thread_of(struct scenario *to, unsigned cpu)
{
    unsigned process = to->process_of[cpu];

    if (!setup_makes(to, process)) {
        scenario_add_setup(to, (struct op){.kind = OP_FORK, .other = process});
        return;
    }
    for (unsigned other = 0; other < cpu; other++)
        if (to->process_of[other] == process) {
            scenario_add_setup(to, (struct op){.kind = OP_THREAD, .process = process});
            return;
        }
}

void scenario_load_cpus(struct scenario *to)
{
    for (unsigned cpu = 0; cpu < to->ncpus; cpu++)
        add_thread_of(to, cpu);
    for (unsigned cpu = 0; cpu < to->ncpus; cpu++) {
        unsigned process = to->process_of[cpu];

        scenario_add_setup(to, (struct op){.kind = OP_LOAD, .cpu = cpu, .process = process});
        for (unsigned n = 0; n < to->nops[cpu]; n++)
            scenario_add_setup(to, (struct op){.kind = OP_WALK_AHEAD,
                                               .cpu = cpu,
                                               .process = process,
                                               .first = to->ops[cpu][n].first});
    }
}

/* ---- Orders ---- */

struct order {
    unsigned count;
    uint8_t cpus[MAX_COROUTINES * MAX_OPS];
};

/* Returns the order in which the CPUs run one after the other. The order is the
   lexicographically first. */
static struct order first_order(const struct scenario *of)
{
    struct order order = {.count = 0};

    for (unsigned cpu = 0; cpu < of->ncpus; cpu++)
        for (unsigned n = 0; n < of->nops[cpu]; n++)
            order.cpus[order.count++] = cpu;
    return order;
}

static void swap_turns(struct order *order, unsigned a, unsigned b)
{
    uint8_t cpu = order->cpus[a];

    order->cpus[a] = order->cpus[b];
    order->cpus[b] = cpu;
}

/* Changes the order to the next permutation in lexicographic order. Returns false if the order
   was the last. */
static bool next_order(struct order *order)
{
    unsigned at = order->count - 1, with = order->count - 1;

    while (at > 0 && order->cpus[at - 1] >= order->cpus[at])
        at--;
    if (at == 0)
        return false;
    while (order->cpus[with] <= order->cpus[at - 1])
        with--;
    swap_turns(order, at - 1, with);
    for (unsigned last = order->count - 1; at < last; at++, last--)
        swap_turns(order, at, last);
    return true;
}

/* The state of a truncation that is under way. Truncation drops pages one after the other. Until
   its flush, another CPU can still read a dropped page through its TLB:

       CPU 0 takes pages A and B out of a table that two address spaces share
       CPU 1, in the other address space, faults on B, and finds no page
       CPU 1 reads A through its TLB
       CPU 0 flushes CPU 1

   Therefore an access by another CPU may see the old page until the truncation has ended. Once
   an access has found no page, the old page must not appear again. */
static struct {
    bool is_under_way;
    unsigned cpu;
    struct model old; /* memory as if there were no truncation */
    bool is_gone[NPROCESSES][NPLACES];
} truncation;

/* Calls `visit` for the operations in the given order, until `visit` returns false. Returns true
   if `visit` accepted all of them. */
static bool each_in_order(const struct scenario *of, const struct order *order,
                          bool (*visit)(struct model *model, const struct op *op, unsigned n),
                          struct model *after)
{
    unsigned at[MAX_COROUTINES] = {0};

    *after = before;
    truncation.is_under_way = false;
    for (unsigned n = 0; n < order->count; n++) {
        unsigned cpu = order->cpus[n];

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

static bool result_is(struct result want, struct result got)
{
    return got.err == want.err && (got.err || got.value == want.value);
}

/* Returns true if memory without the truncation explains the result of an access. */
static bool agrees_without_truncation(const struct op *op, struct result got)
{
    if (!truncation.is_under_way || op->cpu == truncation.cpu)
        return false;
    struct result want = model_run(&truncation.old, op, ~0ul);

    return (op->kind == OP_READ || op->kind == OP_REST || op->kind == OP_AWAY ||
            op->kind == OP_WRITE || op->kind == OP_FETCH) &&
           !truncation.is_gone[op->process][op->first] && result_is(want, got);
}

static bool agrees(struct model *after, const struct op *op, unsigned n)
{
    struct result got = results[op->cpu][n];
    bool agrees_with_old = agrees_without_truncation(op, got);

    if (op->kind == OP_TRUNCATE) {
        truncation.is_under_way = true;
        truncation.cpu = op->cpu;
        truncation.old = *after;
        memset(truncation.is_gone, 0, sizeof(truncation.is_gone));
    }
    if (!result_is(model_run(after, op, ~0ul), got))
        return agrees_with_old;
    if (truncation.is_under_way && !agrees_with_old)
        truncation.is_gone[op->process][op->first] = true;
    return true;
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
    struct order order = first_order(of);
    do
        if (!each_in_order(of, &order, runs, &after))
            return false;
    while (next_order(&order));
    return true;
}

static void add_page_ahead(uint8_t page)
{
    for (unsigned n = 0; n < npages_ahead; n++)
        if (pages_ahead[n] == page)
            return;
    pages_ahead[npages_ahead++] = page;
}

void scenario_begin(const struct scenario *next)
{
    static const struct sequence_options options = {.check_every = 1};

    scenario = next;
    npages_ahead = 0;
    for (unsigned cpu = 0; cpu < scenario->ncpus; cpu++)
        for (unsigned n = 0; n < scenario->nops[cpu]; n++)
            add_page_ahead(scenario->ops[cpu][n].first);
    sequence_run(scenario->setup, scenario->nsetup, &options);
    check(model_setup(scenario), "the setup makes no sense");
}

/* ---- Running ---- */

static void run_cpu(unsigned cpu)
{
    for (unsigned n = 0; n < scenario->nops[cpu]; n++)
        results[cpu][n] = system_run_loaded(&scenario->ops[cpu][n]);
}

static void all_walk_ahead(void)
{
    for (unsigned n = 0; n < npages_ahead; n++)
        for (unsigned cpu = 0; cpu < scenario->ncpus; cpu++)
            mmu_walk_ahead(cpu, places[pages_ahead[n]].start);
}

static void print_schedule(void)
{
    fprintf(stderr, "CPU %u begins, turns go %s", schedule.first,
            schedule.backwards ? "down" : "up");
    for (unsigned n = 0; n < schedule.npreemptions; n++)
        fprintf(stderr, ", at step %u CPU %u goes on", schedule.preemptions[n].step,
                schedule.preemptions[n].cpu);
    fprintf(stderr, "%s\n", ahead ? "; the CPUs walk ahead" : "");
}

static void print_state(void)
{
    fprintf(stderr, "scenario %u, %s, on %u CPUs:\n", scenario->number, scenario->name,
            scenario->ncpus);
    for (unsigned n = 0; n < scenario->nsetup; n++)
        op_print(&scenario->setup[n]);
    fprintf(stderr, "then beside each other:\n");
    for (unsigned cpu = 0; cpu < scenario->ncpus; cpu++)
        for (unsigned n = 0; n < scenario->nops[cpu]; n++) {
            op_print(&scenario->ops[cpu][n]);
            fprintf(stderr, "        -> %d, %#lx\n", results[cpu][n].err, results[cpu][n].value);
        }
    print_schedule();
}

static void check_state(void *after)
{
    check_model(after);
}

/* Checks that one order explains all results and the final state. If none does, the finding
   lists the orders that explain the results, each with the first difference in memory. */
static void check_orders(void)
{
    char why[1024] = "";
    size_t len = 0;

    struct order order = first_order(scenario);
    do {
        if (!each_in_order(scenario, &order, agrees, &model))
            continue;
        if (finds_nothing(check_state, &model))
            return;
        len += snprintf(why + len, sizeof(why) - len, "\n    order");
        for (unsigned n = 0; n < order.count && len < sizeof(why); n++)
            len += snprintf(why + len, sizeof(why) - len, " %u", order.cpus[n]);
        if (len < sizeof(why))
            len += snprintf(why + len, sizeof(why) - len, ": %s", finding_text());
        len = min(len, sizeof(why) - 1);
    } while (next_order(&order));
    finding("no order explains it%s", len ? why : ": what the operations return");
}

struct step_count scenario_run(const struct schedule *how, bool walk_ahead)
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
    struct step_count steps =
        coroutines_run(scenario->ncpus, &schedule, run_cpu, ahead ? all_walk_ahead : NULL);
    check_orders();
    sequence_end();
    return steps;
}
