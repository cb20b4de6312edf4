/* The mutex, a lock that sleeps, made of a spinlock and a wait queue.

   A release wakes a waiter but does not hand the mutex over: the first thread to run takes it. To
   hand it over each time would cost two switches for each use of a busy mutex. Threads that take it
   again and again could keep a waiter out for ever. So a waiter that was woken and came too late
   becomes `next`, and no other thread takes the mutex before it.

   Lock: each mutex's own spinlock (RANK_PIPE) guards its fields and is held only to read or change
   them. The holder of a mutex holds the rank of the mutex, not of the spinlock. */

#include <lib/panic.h>
#include <sched/lock.h>
#include <sched/thread.h>

void mutex_init(struct mutex *mutex, enum lock_rank rank)
{
    *mutex = (struct mutex){.lock = SPINLOCK(RANK_PIPE), .rank = rank};
    waitq_init(&mutex->waiters);
}

static bool may_take(const struct mutex *mutex)
{
    return !mutex->held && (!mutex->next || mutex->next == thread_current());
}

void mutex_lock(struct mutex *mutex)
{
    lock_check_acquire(mutex->rank, mutex);
    spin_lock(&mutex->lock);
    if (!may_take(mutex))
        lock_stat_contended(mutex->rank);
    while (!may_take(mutex)) {
        waitq_sleep_hard(&mutex->waiters, &mutex->lock);
        if (mutex->held && !mutex->next)
            mutex->next = thread_current();
    }
    mutex->next = NULL;
    mutex->held = true;
    mutex->since_ns = lock_stat_acquired(mutex->rank);
    spin_unlock(&mutex->lock);
}

void mutex_unlock(struct mutex *mutex)
{
    spin_lock(&mutex->lock);
    assert(mutex->held);
    mutex->held = false;
    lock_stat_released(mutex->rank, mutex->since_ns);
    if (mutex->next) /* it need not be the first in the queue */
        waitq_wake_all(&mutex->waiters);
    else
        waitq_wake_one(&mutex->waiters);
    spin_unlock(&mutex->lock);
    lock_check_release(mutex->rank);
}

bool mutex_is_held(const struct mutex *mutex)
{
    return mutex->held;
}
