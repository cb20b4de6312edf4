/* Locks that sleep, made of a spinlock and a wait queue.

   A mutex is given to the threads in the order in which they ask for it: otherwise busy threads
   that take it again and again could keep a waiter out for ever. A release of a rwlock wakes all
   waiters; the first thread to run takes it, and the others wait again. A waiting writer keeps new
   readers out.

   Lock: each lock's own spinlock (RANK_PIPE) guards its fields and is held only to read or change
   them. The holder of a mutex or rwlock holds the rank of that lock, not of the spinlock. */

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
    while (mutex->served != ticket)
        waitq_sleep_hard(&mutex->waiters, &mutex->lock);
    mutex->held = true;
    spin_unlock(&mutex->lock);
}

void mutex_unlock(struct mutex *mutex)
{
    spin_lock(&mutex->lock);
    assert(mutex->held);
    mutex->held = false;
    mutex->served++;
    waitq_wake_one(&mutex->waiters);
    spin_unlock(&mutex->lock);
    lock_check_release(mutex->rank);
}

bool mutex_is_held(const struct mutex *mutex)
{
    return mutex->held;
}

void rwlock_init(struct rwlock *rw, enum lock_rank rank)
{
    *rw = (struct rwlock){.lock = SPINLOCK(RANK_PIPE), .rank = rank};
    waitq_init(&rw->waiters);
}

void rwlock_read_lock(struct rwlock *rw)
{
    lock_check_acquire(rw->rank, rw);
    spin_lock(&rw->lock);
    while (rw->holders < 0 || rw->writers_wait > 0)
        waitq_sleep_hard(&rw->waiters, &rw->lock);
    rw->holders++;
    spin_unlock(&rw->lock);
}

void rwlock_read_unlock(struct rwlock *rw)
{
    spin_lock(&rw->lock);
    assert(rw->holders > 0);
    if (--rw->holders == 0 && rw->writers_wait > 0)
        waitq_wake_all(&rw->waiters);
    spin_unlock(&rw->lock);
    lock_check_release(rw->rank);
}

void rwlock_write_lock(struct rwlock *rw)
{
    lock_check_acquire(rw->rank, rw);
    spin_lock(&rw->lock);
    rw->writers_wait++;
    while (rw->holders != 0)
        waitq_sleep_hard(&rw->waiters, &rw->lock);
    rw->writers_wait--;
    rw->holders = -1;
    spin_unlock(&rw->lock);
}

void rwlock_write_unlock(struct rwlock *rw)
{
    spin_lock(&rw->lock);
    assert(rw->holders == -1);
    rw->holders = 0;
    waitq_wake_all(&rw->waiters);
    spin_unlock(&rw->lock);
    lock_check_release(rw->rank);
}
