/* A read-write lock that sleeps: many readers or one writer, for data that is read all the time on
   all CPUs, and written now and then.

   Each CPU counts its readers in a cache line of its own. So readers on different CPUs write no
   word in common, and none of them takes a spinlock. A writer pays for this: it adds up the counts
   of all CPUs.

   A reader counts itself, then looks for writers. A writer adds itself to `writers`, then looks at
   the counts. Both do so by locked instructions, so at least one of them sees the other:

       reader                                  writer
       readers[cpu]++                          writers++
       writers is not 0?                       the sum of readers is not 0?
          takes its count back, and sleeps        sleeps, until a reader has gone

   A reader that goes takes its count back, then looks for writers, and wakes one.

   Only the sum of the counts means something, because a reader may have moved to another CPU before
   it goes. No count that the writer misses belongs to a reader that got in. So the sum is 0 only
   when all of these have gone.

   A waiting writer keeps new readers out, so that it is not starved. Therefore a reader must not
   take the same lock again. Holders may sleep. DEBUG builds check the rank. */
#pragma once

#include <sched/waitq.h>

/* Words of different CPUs that are this far apart lie in different cache lines. */
#define CACHE_LINE 64

struct rwlock {
    unsigned writers;     /* atomic, written under `lock`: those that hold the lock or wait */
    struct spinlock lock; /* RANK_PIPE; guards is_written and both queues */
    uint8_t rank;         /* constant */
    bool is_written;      /* (lock) a writer holds it */
    uint64_t since_ns;    /* (lock) DEBUG: when the writer got it */
    struct waitq readers_wait, writers_wait;
    struct {
        unsigned count; /* atomic; how many came on this CPU, less those that went */
        char unused[CACHE_LINE - sizeof(unsigned)];
    } readers[MAX_CPUS];
};

void rwlock_init(struct rwlock *rw, enum lock_rank rank);
void rwlock_write_lock(struct rwlock *rw);
void rwlock_write_unlock(struct rwlock *rw);

/* The slow paths of readers: there is a writer. `count` is where the reader has counted itself. */
void rwlock_read_wait(struct rwlock *rw, unsigned *count);
void rwlock_read_wake(struct rwlock *rw);

static inline void rwlock_read_lock(struct rwlock *rw)
{
    unsigned *count = &rw->readers[cpu_id()].count;

    lock_check_acquire(rw->rank, rw);
    /* The thread may have moved to another CPU, so the addition is atomic. It is a fence, too. */
    atomic_add_fetch(count, 1u);
    if (unlikely(atomic_load(&rw->writers)))
        rwlock_read_wait(rw, count);
    (void)lock_stat_acquired(rw->rank);
}

static inline void rwlock_read_unlock(struct rwlock *rw)
{
    atomic_sub_fetch(&rw->readers[cpu_id()].count, 1u);
    if (unlikely(atomic_load(&rw->writers)))
        rwlock_read_wake(rw);
    lock_check_release(rw->rank);
}

/* Returns true if a thread holds the lock for writing. Used in assertions. */
static inline bool rwlock_is_write_held(const struct rwlock *rw)
{
    return rw->is_written;
}

/* Returns true if the current thread holds the lock, or another one of its rank, for reading, or if
   a thread holds it for writing. Used in assertions; always true without DEBUG. */
static inline bool rwlock_is_held(const struct rwlock *rw)
{
    return rw->is_written || lock_check_holds(rw->rank);
}

/* Returns true if no thread holds the lock or waits for it. Nothing changes meanwhile. */
bool rwlock_is_free(const struct rwlock *rw);
