/* The statistics of locks (arch/lockstat.h).

   Each CPU counts by itself. A thread may move to another CPU between reading its number and
   counting, so the additions are atomic. */
#include <arch/clock.h>
#include <arch/lockstat.h>

static struct lock_stat stats[MAX_CPUS][LOCK_RANKS]; /* atomic */

void lock_stat_contended(enum lock_rank rank)
{
    atomic_add_fetch(&stats[cpu_id()][rank].contended, 1ul);
}

struct lock_stat lock_stat_of(enum lock_rank rank)
{
    struct lock_stat sum = {0};

    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        const struct lock_stat *stat = &stats[cpu][rank];

        sum.contended += atomic_load_relaxed(&stat->contended);
        sum.acquired += atomic_load_relaxed(&stat->acquired);
        sum.longest_ns = max(sum.longest_ns, atomic_load_relaxed(&stat->longest_ns));
    }
    return sum;
}

#ifdef DEBUG

/* When a CPU acquired the spinlock of each rank that it holds. It holds at most one of a rank. */
static uint64_t spin_since_ns[MAX_CPUS][LOCK_RANKS]; /* each CPU's own */

/* Returns 0 before the clock runs. */
uint64_t lock_stat_acquired(enum lock_rank rank)
{
    atomic_add_fetch(&stats[cpu_id()][rank].acquired, 1ul);
    return clock_monotonic_ns();
}

void lock_stat_released(enum lock_rank rank, uint64_t since_ns)
{
    uint64_t *longest_ns = &stats[cpu_id()][rank].longest_ns, now_ns = clock_monotonic_ns();

    if (since_ns > 0 && now_ns > since_ns && now_ns - since_ns > atomic_load_relaxed(longest_ns))
        atomic_store_relaxed(longest_ns, now_ns - since_ns);
}

void lock_stat_spin_acquired(enum lock_rank rank)
{
    spin_since_ns[cpu_id()][rank] = lock_stat_acquired(rank);
}

void lock_stat_spin_released(enum lock_rank rank)
{
    lock_stat_released(rank, spin_since_ns[cpu_id()][rank]);
}

#endif
