/* Coroutines for CPUs (coroutine.h), made with ucontext. */

#include <ucontext.h>
#include "../../kernel/arch/shootdown.h"
#include "coroutine.h"
#include "mmu.h"
#include "platform.h"

#define STACK_SIZE (256ul << 10)
#define MAX_WAITS  1000 /* in a row without a step: a deadlock */

static struct {
    ucontext_t context;
    char stack[STACK_SIZE] __aligned(16);
    bool done;
} coroutines[MAX_COROUTINES];

static ucontext_t scheduler;
static struct schedule *schedule;
static void (*body)(unsigned cpu);
static void (*at_step)(void);
static unsigned ncoroutines;
static unsigned running;         /* the CPU whose coroutine runs */
static unsigned others;          /* the CPUs besides `running` that are not done */
static unsigned preemptions;     /* the preemptions so far */
static unsigned waits;           /* the waits since the last step */
static struct step_count nsteps; /* the steps so far */

/* Returns the next CPU in turn that is not done, after it has passed over `skip` such CPUs. At
   least `skip` + 1 CPUs besides the running one are not done. */
static unsigned next_in_turn(unsigned skip)
{
    unsigned cpu = running;

    for (;;) {
        cpu = (cpu + (schedule->backwards ? ncoroutines - 1 : 1)) % ncoroutines;
        if (cpu != running && !coroutines[cpu].done && skip-- == 0)
            return cpu;
    }
}

static void switch_to(unsigned cpu)
{
    unsigned from = running;

    running = this_cpu_id = cpu;
    swapcontext(&coroutines[from].context, &coroutines[cpu].context);
}

static void preempt(struct preemption *preemption)
{
    preemption->cpu = next_in_turn(preemption->skip % others);
    switch_to(preemption->cpu);
}

static void take_step(void)
{
    unsigned step_now = nsteps.all++;
    nsteps.with_choice += others > 1;
    if (preemptions < schedule->npreemptions && step_now == schedule->preemptions[preemptions].step)
        preempt(&schedule->preemptions[preemptions++]);
}

/* After an interrupt, the CPU that waited for its handler may go on before this one does. */
static void on_step(void)
{
    do {
        waits = 0;
        if (at_step)
            at_step();
        if (others == 0)
            return;
        take_step();
    } while (at_step && mmu_take_interrupt());
}

static void let_others_run(void)
{
    check(++waits < MAX_WAITS && others > 0, "a deadlock: every CPU waits");
    switch_to(next_in_turn(0));
}

/* This CPU waits for a lock. If the lock is a spinlock, the kernel answers requests meanwhile. */
static void on_block(void)
{
    let_others_run();
    shootdown_answer();
}

/* This CPU turns round in a loop of the kernel. If interrupts are off, the loop must answer. */
static void on_relax(void)
{
    if (others > 0)
        let_others_run();
    (void)mmu_take_interrupt();
}

static bool is_busy(unsigned cpu)
{
    return cpu < ncoroutines && !coroutines[cpu].done;
}

static void begin(void)
{
    unsigned cpu = running;

    body(cpu);
    coroutines[cpu].done = true;
    if (others == 0)
        setcontext(&scheduler);
    others--;
    switch_to(next_in_turn(0)); /* the coroutine never runs again */
}

static void prepare(unsigned cpu)
{
    coroutines[cpu].done = false;
    getcontext(&coroutines[cpu].context);
    coroutines[cpu].context.uc_stack.ss_sp = coroutines[cpu].stack;
    coroutines[cpu].context.uc_stack.ss_size = STACK_SIZE;
    makecontext(&coroutines[cpu].context, begin, 0);
}

struct step_count coroutines_run(unsigned ncpus, struct schedule *new_schedule,
                                 void (*new_body)(unsigned cpu), void (*new_at_step)(void))
{
    schedule = new_schedule;
    body = new_body;
    at_step = new_at_step;
    ncoroutines = ncpus;
    others = ncpus - 1;
    preemptions = waits = 0;
    nsteps = (struct step_count){0};
    for (unsigned cpu = 0; cpu < ncpus; cpu++)
        prepare(cpu);
    running = this_cpu_id = schedule->first;
    step_hook = on_step;
    block_hook = on_block;
    relax_hook = on_relax;
    mmu_cpu_is_busy = is_busy;
    swapcontext(&scheduler, &coroutines[running].context);
    step_hook = NULL;
    block_hook = NULL;
    relax_hook = NULL;
    mmu_cpu_is_busy = NULL;
    return nsteps;
}
