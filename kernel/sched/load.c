/* Load averages, as Linux computes them. Every five seconds, each average moves a step towards the
   number of runnable threads (running ones included),

       load = load * e + runnable * (1 - e),    e = exp(-5 s / 60 s, 300 s, 900 s)

   in numbers with LOAD_SHIFT binary places.

   Every tick of every CPU looks whether five seconds are over. An idle machine has no ticks, so
   steps are made up for: those that no tick has made at their time found no runnable thread.

   Lock: load_lock (RANK_TIMER, also in interrupts). */

#include <arch/clock.h>
#include <arch/spinlock.h>
#include <sched/load.h>
#include <sched/run.h>
#include <sched/tick.h>

#define LOAD_INTERVAL_NS 5000000000ul
#define LOAD_ONE         (1ul << LOAD_SHIFT)
#define LOAD_STEPS_MAX   4096

static const uint64_t load_decay[LOADS] = {1884, 2014, 2037}; /* e, times LOAD_ONE */
static struct spinlock load_lock = SPINLOCK(RANK_TIMER);
static uint64_t loads[LOADS];                    /* (load_lock) */
static uint64_t load_next_ns = LOAD_INTERVAL_NS; /* (load_lock), to read also without */

/* Moves an average one step towards `active`. The result is rounded towards `active`, so that a
   constant number of threads is reached exactly. */
static uint64_t load_step(uint64_t load, uint64_t e, uint64_t active)
{
    uint64_t sum = load * e + active * (LOAD_ONE - e);

    return (active >= load ? sum + LOAD_ONE - 1 : sum) >> LOAD_SHIFT;
}

/* Moves all averages one step. load_lock is held. */
static void load_step_all(uint64_t active)
{
    for (unsigned n = 0; n < LOADS; n++)
        loads[n] = load_step(loads[n], load_decay[n], active);
}

/* Makes the steps up to now. After a long idle time, it makes only as many as bring every average
   to 0. load_lock is held. */
static void load_catch_up(uint64_t now_ns)
{
    uint64_t steps = (now_ns - load_next_ns) / LOAD_INTERVAL_NS + 1;
    uint64_t last_ns = load_next_ns + (steps - 1) * LOAD_INTERVAL_NS;
    bool is_busy = now_ns - last_ns <= 2 * TICK_NS;

    for (uint64_t n = 1; n < min(steps, (uint64_t)LOAD_STEPS_MAX); n++)
        load_step_all(0);
    load_step_all(is_busy ? run_count() * LOAD_ONE : 0);
    atomic_store_relaxed(&load_next_ns, last_ns + LOAD_INTERVAL_NS);
}

void load_update(uint64_t now_ns)
{
    if (now_ns < atomic_load_relaxed(&load_next_ns))
        return;
    bool irq = spin_lock_irq(&load_lock);
    if (now_ns >= load_next_ns) /* no other CPU was faster */
        load_catch_up(now_ns);
    spin_unlock_irq(&load_lock, irq);
}

uint64_t load_average(unsigned n)
{
    load_update(clock_monotonic_ns());
    bool irq = spin_lock_irq(&load_lock);
    uint64_t load = loads[n];
    spin_unlock_irq(&load_lock, irq);
    return load;
}
