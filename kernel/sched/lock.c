/* The slow paths of the mutex, a lock that sleeps (sched/lock.h).

   A release wakes a waiter but does not hand the mutex over: the first thread to run takes it. To
   hand it over each time would cost two switches for each use of a busy mutex. Threads that take it
   again and again could keep a waiter out for ever. So a waiter that was woken and came too late
   becomes `next`, and no other thread takes the mutex before it.

   Always true while the spinlock is free: MUTEX_WAITED is set if and only if `waiting` is not 0;
   `next` is one of these threads, or NULL.

   This could happen:

       this thread finds the mutex held
       the holder releases it by one instruction, and wakes nobody
       this thread goes to sleep

   So this thread sets MUTEX_WAITED before it looks again. Either it sees the release then, or the
   holder's instruction fails, and the holder comes to mutex_wake, whose spinlock it gets once this
   thread stands in the queue.

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
    return !mutex_is_held(mutex) && (!mutex->next || mutex->next == thread_current());
}

/* Returns the bit that says whether threads wait. */
static unsigned waited_bit(const struct mutex *mutex)
{
    return mutex->waiting > 0 ? MUTEX_WAITED : 0;
}

static void mutex_join(struct mutex *mutex)
{
    mutex->waiting++;
    atomic_or(&mutex->state, MUTEX_WAITED);
    if (!may_take(mutex))
        lock_stat_contended(mutex->rank);
}

/* A waiter that was woken and came too late is the next to take the mutex. */
static void mutex_came_late(struct mutex *mutex)
{
    if (mutex_is_held(mutex) && !mutex->next)
        mutex->next = thread_current();
}

/* Takes the mutex at the end of a wait. */
static void mutex_take(struct mutex *mutex)
{
    mutex->next = NULL;
    mutex->waiting--;
    atomic_set(&mutex->state, MUTEX_HELD | waited_bit(mutex));
}

/* Takes the mutex, which another thread has held or waited for a moment ago. */
void mutex_wait(struct mutex *mutex)
{
    spin_lock(&mutex->lock);
    mutex_join(mutex);
    while (!may_take(mutex)) {
        waitq_sleep_hard(&mutex->waiters, &mutex->lock);
        mutex_came_late(mutex);
    }
    mutex_take(mutex);
    spin_unlock(&mutex->lock);
}

/* Ends a wait without the mutex, which another thread holds or is to take. So that thread will wake
   those that still wait. */
static void mutex_give_up(struct mutex *mutex)
{
    if (mutex->next == thread_current())
        mutex->next = NULL;
    assert(mutex_is_held(mutex) || mutex->next);
    mutex->waiting--;
    atomic_set(&mutex->state, (mutex_is_held(mutex) ? MUTEX_HELD : 0) | waited_bit(mutex));
}

int mutex_wait_killable(struct mutex *mutex)
{
    int err = 0;

    spin_lock(&mutex->lock);
    mutex_join(mutex);
    while (!may_take(mutex) && !err) {
        err = waitq_sleep_holding(&mutex->waiters, &mutex->lock, UINT64_MAX);
        if (!err)
            mutex_came_late(mutex);
    }
    bool takes = may_take(mutex);
    if (takes)
        mutex_take(mutex);
    else
        mutex_give_up(mutex);
    spin_unlock(&mutex->lock);
    return takes ? 0 : err;
}

/* Releases the mutex, and wakes a waiter. There may be none any more:

       this thread finds MUTEX_WAITED set
       the last waiter is killed, and gives up */
void mutex_wake(struct mutex *mutex)
{
    spin_lock(&mutex->lock);
    assert(mutex_is_held(mutex));
    atomic_set(&mutex->state, waited_bit(mutex));
    if (mutex->next) /* it need not be the first in the queue */
        waitq_wake_all(&mutex->waiters);
    else
        waitq_wake_one(&mutex->waiters);
    spin_unlock(&mutex->lock);
}
