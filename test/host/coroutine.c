/* Coroutines for two CPUs (coroutine.h), on ucontext. */

#include <ucontext.h>
#include "coroutine.h"
#include "platform.h"

#define STACK_SIZE (256ul << 10)
#define MAX_WAITS  1000 /* in a row, without a step: nobody can go on */

static struct {
    ucontext_t context;
    char stack[STACK_SIZE] __aligned(16);
    bool done;
} coroutines[NCOROUTINES];

static ucontext_t scheduler;
static const struct schedule *schedule;
static void (*body)(unsigned cpu);
static void (*at_step)(void);
static unsigned running;     /* whose coroutine runs */
static unsigned steps;       /* since the beginning, while neither was done */
static unsigned preemptions; /* that have taken place */
static unsigned waits;       /* since the last step */

static void switch_to_other(void)
{
    unsigned from = running;

    if (coroutines[!from].done)
        return;
    running = !from;
    this_cpu_id = running;
    swapcontext(&coroutines[from].context, &coroutines[running].context);
}

static void on_step(void)
{
    waits = 0;
    if (at_step)
        at_step();
    if (coroutines[!running].done)
        return;
    unsigned step_now = steps++;
    if (preemptions < schedule->npreemptions && step_now == schedule->preemptions[preemptions]) {
        preemptions++;
        switch_to_other();
    }
}

static void on_block(void)
{
    check(++waits < MAX_WAITS && !coroutines[!running].done, "a deadlock: both CPUs wait");
    switch_to_other();
}

static void begin(void)
{
    unsigned cpu = running;

    body(cpu);
    coroutines[cpu].done = true;
    switch_to_other();
    /* The other was done before, so this is the end; else it never comes back here. */
    setcontext(&scheduler);
}

static void prepare(unsigned cpu)
{
    coroutines[cpu].done = false;
    getcontext(&coroutines[cpu].context);
    coroutines[cpu].context.uc_stack.ss_sp = coroutines[cpu].stack;
    coroutines[cpu].context.uc_stack.ss_size = STACK_SIZE;
    makecontext(&coroutines[cpu].context, begin, 0);
}

unsigned coroutines_run(const struct schedule *new_schedule, void (*new_body)(unsigned cpu),
                        void (*new_at_step)(void))
{
    schedule = new_schedule;
    body = new_body;
    at_step = new_at_step;
    steps = preemptions = waits = 0;
    for (unsigned cpu = 0; cpu < NCOROUTINES; cpu++)
        prepare(cpu);
    running = this_cpu_id = schedule->first;
    step_hook = on_step;
    block_hook = on_block;
    swapcontext(&scheduler, &coroutines[running].context);
    step_hook = NULL;
    block_hook = NULL;
    return steps;
}
