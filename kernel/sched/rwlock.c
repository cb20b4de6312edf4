/* The slow paths of the read-write lock, and its writers (sched/rwlock.h).

   Lock: the rwlock's own spinlock (RANK_PIPE), held only to read or change its fields. */

#include <lib/panic.h>
#include <sched/rwlock.h>

void rwlock_init(struct rwlock *rw, enum lock_rank rank)
{
    *rw = (struct rwlock){.lock = SPINLOCK(RANK_PIPE), .rank = rank};
    waitq_init(&rw->readers_wait);
    waitq_init(&rw->writers_wait);
}

/* Returns how many readers hold the lock, while `writers` is not 0. A reader that is about to find
   this may be counted for a moment. */
static unsigned readers_count(const struct rwlock *rw)
{
    unsigned sum = 0;

    for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
        sum += atomic_load(&rw->readers[cpu].count);
    return sum;
}

/* This could happen:

       this reader counts itself, and sees the writer
       the writer sees the count, and goes to sleep
       this reader takes its count back, and goes to sleep, too

   So the reader wakes a writer. The writer looks at the counts under the spinlock: it looks after
   the count was taken back, or stands in the queue by then. */
void rwlock_read_wait(struct rwlock *rw, unsigned *count)
{
    lock_stat_contended(rw->rank);
    atomic_sub_fetch(count, 1u);
    spin_lock(&rw->lock);
    waitq_wake_one(&rw->writers_wait);
    while (rw->writers > 0)
        waitq_sleep_hard(&rw->readers_wait, &rw->lock);
    /* A writer can come only under the spinlock, after which it sees this count. */
    atomic_add_fetch(&rw->readers[cpu_id()].count, 1u);
    spin_unlock(&rw->lock);
}

/* Wakes a writer, after a reader has gone. If other readers hold the lock, the writer sleeps on,
   and the last of them wakes it. */
void rwlock_read_wake(struct rwlock *rw)
{
    spin_lock(&rw->lock);
    waitq_wake_one(&rw->writers_wait);
    spin_unlock(&rw->lock);
}

void rwlock_write_lock(struct rwlock *rw)
{
    lock_check_acquire(rw->rank, rw);
    spin_lock(&rw->lock);
    atomic_add_fetch(&rw->writers, 1u); /* a fence: the counts are read after it */
    if (rw->is_written || readers_count(rw) > 0)
        lock_stat_contended(rw->rank);
    while (rw->is_written || readers_count(rw) > 0)
        waitq_sleep_hard(&rw->writers_wait, &rw->lock);
    rw->is_written = true;
    rw->since_ns = lock_stat_acquired(rw->rank);
    spin_unlock(&rw->lock);
}

/* Wakes the next writer, or all readers if there is none. The lock is not handed over: another
   writer may come first. */
void rwlock_write_unlock(struct rwlock *rw)
{
    spin_lock(&rw->lock);
    assert(rw->is_written);
    rw->is_written = false;
    lock_stat_released(rw->rank, rw->since_ns);
    if (atomic_sub_fetch(&rw->writers, 1u) > 0)
        waitq_wake_one(&rw->writers_wait);
    else
        waitq_wake_all(&rw->readers_wait);
    spin_unlock(&rw->lock);
    lock_check_release(rw->rank);
}

bool rwlock_is_free(const struct rwlock *rw)
{
    return !rw->is_written && rw->writers == 0 && readers_count(rw) == 0;
}
