/* Load averages, as Linux computes them: every five seconds, each is drawn a step towards the number of threads that run
   or could run,

       load = load * e + runnable * (1 - e),    e = exp(-5 s / 60 s, 300 s, 900 s)

   in numbers with LOAD_SHIFT binary places. No lock: only CPU 0 writes, and each average is one word. */

#include <arch/atomic.h>
#include <sched/load.h>
#include <sched/thread.h>

#define INTERVAL_NS 5000000000ul
#define ONE         (1ul << LOAD_SHIFT)

static const uint64_t decay[LOADS] = {1884, 2014, 2037}; /* e, times ONE */
static uint64_t loads[LOADS];                            /* CPU 0's tick */
static uint64_t next_ns = INTERVAL_NS;                   /* CPU 0's tick */

uint64_t load_average(unsigned n)
{
    return atomic_load_relaxed(&loads[n]);
}

/* Rounded towards `active`, so that an idle machine comes to 0 and a busy one to its number. */
static uint64_t step(uint64_t load, uint64_t e, uint64_t active)
{
    uint64_t sum = load * e + active * (ONE - e);

    return (active >= load ? sum + ONE - 1 : sum) >> LOAD_SHIFT;
}

void load_tick(uint64_t now_ns)
{
    struct sched_stats stats;

    for (; now_ns >= next_ns; next_ns += INTERVAL_NS) {
        sched_stats(&stats);
        for (unsigned n = 0; n < LOADS; n++)
            atomic_store(&loads[n], step(loads[n], decay[n], stats.runnable * ONE));
    }
}
