/* The mutex: a lock that sleeps, made of a spinlock and a wait queue.

   A mutex is given to the threads in the order in which they ask for it: otherwise busy threads
   that take it again and again could keep a waiter out for ever.

   Lock: each mutex's own spinlock (RANK_PIPE) guards its fields and is held only to read or change
   them. The holder of a mutex holds the rank of that mutex, not of the spinlock. */

#include <lib/panic.h>
#include <sched/lock.h>

void mutex_init(struct mutex *mutex, enum lock_rank rank)
{
    *mutex = (struct mutex){.lock = SPINLOCK(RANK_PIPE), .rank = rank};
    waitq_init(&mutex->waiters);
}

void mutex_lock(struct mutex *mutex)
{
    lock_check_acquire(mutex->rank, mutex);
    spin_lock(&mutex->lock);
    unsigned ticket = mutex->tickets++;
    if (mutex->served != ticket)
        lock_stat_contended(mutex->rank);
    while (mutex->served != ticket) {
        waitq_sleep_hard(&mutex->waiters, &mutex->lock);
        /* A thread that ended its sleep early, to report a hang, has lost its place in the queue.
           So a release may wake another one, which passes the wake-up on. */
        if (mutex->served != ticket && !mutex->held)
            waitq_wake_one(&mutex->waiters);
    }
    mutex->held = true;
    mutex->since_ns = lock_stat_acquired(mutex->rank);
    spin_unlock(&mutex->lock);
}

void mutex_unlock(struct mutex *mutex)
{
    spin_lock(&mutex->lock);
    assert(mutex->held);
    mutex->held = false;
    mutex->served++;
    lock_stat_released(mutex->rank, mutex->since_ns);
    waitq_wake_one(&mutex->waiters);
    spin_unlock(&mutex->lock);
    lock_check_release(mutex->rank);
}

bool mutex_is_held(const struct mutex *mutex)
{
    return mutex->held;
}
