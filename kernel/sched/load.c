/* Load averages, as Linux computes them. Every five seconds, each average moves a step towards the
   number of runnable threads (running ones included),

       load = load * e + runnable * (1 - e),    e = exp(-5 s / 60 s, 300 s, 900 s)

   in numbers with LOAD_SHIFT binary places. No lock: only CPU 0 writes, and each average is one
   word. */

#include <arch/atomic.h>
#include <sched/load.h>
#include <sched/run.h>

#define LOAD_INTERVAL_NS 5000000000ul
#define LOAD_ONE         (1ul << LOAD_SHIFT)

static const uint64_t load_decay[LOADS] = {1884, 2014, 2037}; /* e, times LOAD_ONE */
static uint64_t loads[LOADS];                                 /* CPU 0's tick */
static uint64_t load_next_ns = LOAD_INTERVAL_NS;              /* CPU 0's tick */

uint64_t load_average(unsigned n)
{
    return atomic_load_relaxed(&loads[n]);
}

/* Moves an average one step towards `active`. The result is rounded towards `active`, so that a
   constant number of threads is reached exactly. */
static uint64_t load_step(uint64_t load, uint64_t e, uint64_t active)
{
    uint64_t sum = load * e + active * (LOAD_ONE - e);

    return (active >= load ? sum + LOAD_ONE - 1 : sum) >> LOAD_SHIFT;
}

void load_tick(uint64_t now_ns)
{
    for (; now_ns >= load_next_ns; load_next_ns += LOAD_INTERVAL_NS) {
        uint64_t active = run_count() * LOAD_ONE;

        for (unsigned n = 0; n < LOADS; n++)
            atomic_store(&loads[n], load_step(loads[n], load_decay[n], active));
    }
}
