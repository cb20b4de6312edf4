/* Locks that sleep: the mutex, and the read-write lock of sched/rwlock.h. Holders may sleep,
   allocate memory and read disks. A holder of RANK_VSPACE or above must not touch user memory.
   DEBUG builds check the ranks, as for spinlocks.

   A mutex that nobody waits for is taken by one atomic instruction, and released by another. A
   thread that finds it held sets MUTEX_WAITED, so that both instructions fail from then on, and all
   threads go through the slow paths of kernel/sched/lock.c, under the spinlock. */
#pragma once

#include <lib/panic.h>
#include <sched/rwlock.h>

/* The bits of mutex.state. */
#define MUTEX_HELD   1u
#define MUTEX_WAITED 2u /* `waiting` is not 0; the state changes only under the spinlock */

struct mutex {
    unsigned state;            /* atomic; MUTEX_ bits */
    struct spinlock lock;      /* RANK_PIPE; guards the rest; only a waitq is taken under it */
    uint8_t rank;              /* constant */
    unsigned waiting;          /* (lock) how many threads want it, and found it held */
    const struct thread *next; /* (lock) the only thread that may take it; NULL: any may */
    uint64_t since_ns;         /* the holder's; DEBUG: when it got the mutex */
    struct waitq waiters;
};

void mutex_init(struct mutex *mutex, enum lock_rank rank);

/* Returns true if a thread holds the mutex. Used in assertions. */
static inline bool mutex_is_held(const struct mutex *mutex)
{
    return atomic_load_relaxed(&mutex->state) & MUTEX_HELD;
}

#if __STDC_HOSTED__ /* the tests on the host define their own */

void mutex_lock(struct mutex *mutex);
__must_check int mutex_lock_killable(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

#else

/* The slow paths: another thread holds the mutex or waits for it. */
void mutex_wait(struct mutex *mutex);
__must_check int mutex_wait_killable(struct mutex *mutex);
void mutex_wake(struct mutex *mutex);

static inline void mutex_lock(struct mutex *mutex)
{
    lock_check_acquire(mutex->rank, mutex);
    if (unlikely(!atomic_compare_exchange(&mutex->state, 0u, MUTEX_HELD)))
        mutex_wait(mutex);
    if (IS_DEBUG)
        mutex->since_ns = lock_stat_acquired(mutex->rank);
}

/* Takes a mutex of a rank below RANK_VSPACE, whose holder may wait for a device that never answers.
   -EINTR: the thread is to be killed, and does not hold it. */
static inline __must_check int mutex_lock_killable(struct mutex *mutex)
{
    lock_check_acquire(mutex->rank, mutex);
    if (unlikely(!atomic_compare_exchange(&mutex->state, 0u, MUTEX_HELD))) {
        int err = mutex_wait_killable(mutex);

        if (err) {
            lock_check_release(mutex->rank);
            return err;
        }
    }
    if (IS_DEBUG)
        mutex->since_ns = lock_stat_acquired(mutex->rank);
    return 0;
}

static inline void mutex_unlock(struct mutex *mutex)
{
    if (IS_DEBUG)
        lock_stat_released(mutex->rank, mutex->since_ns);
    if (unlikely(!atomic_compare_exchange(&mutex->state, MUTEX_HELD, 0u)))
        mutex_wake(mutex);
    lock_check_release(mutex->rank);
}

#endif
