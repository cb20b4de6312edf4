/* Sleep and wake: a queue of threads that wait for something to become true under a spinlock.

       spin_lock(&x->lock);                             spin_lock(&x->lock);
       while (!x->ready)                                x->ready = true;
           if ((err = waitq_sleep(&x->wq, &x->lock)))   waitq_wake_all(&x->wq);
               break;                                   spin_unlock(&x->lock);
       ...
       spin_unlock(&x->lock);

   A wake-up between the test and the sleep is not lost: the sleeper is queued before it drops the
   lock, and the waker holds that lock. Interrupt handlers may wake. Lock: struct waitq's own
   (RANK_WAITQ), taken inside. */
#pragma once

#include <sys/queue.h>
#include <arch/spinlock.h>

struct thread;

TAILQ_HEAD(thread_list, thread);

struct waitq {
    struct spinlock lock;
    struct thread_list waiters; /* (lock) in the order of arrival */
};

#define WAITQ(name)                                                                     \
    {                                                                                   \
        .lock = SPINLOCK(RANK_WAITQ), .waiters = TAILQ_HEAD_INITIALIZER((name).waiters) \
    }

void waitq_init(struct waitq *wq);

/* The five sleeps drop `lock`, sleep until woken, and return with `lock` held again. The caller
   then tests its condition again, because a wake-up is a hint. The caller holds no other spinlock.

   The first three may end early, and the thread counts as at rest (sched/world.h) while it sleeps:
   it must hold no frame reference and no sleeping lock. */
typedef int waitq_sleep_fn(struct waitq *wq, struct spinlock *lock);

/* Returns -EINTR if a signal is pending for the thread, also before it sleeps. */
__must_check int waitq_sleep(struct waitq *wq, struct spinlock *lock);

/* Sleeps as waitq_sleep does, up to `deadline_ns` (monotonic; UINT64_MAX: no deadline). Returns
   -ETIMEDOUT after the deadline. */
__must_check int waitq_sleep_until(struct waitq *wq, struct spinlock *lock, uint64_t deadline_ns);

/* Returns -EINTR only if a pending signal will end the process. */
__must_check int waitq_sleep_killable(struct waitq *wq, struct spinlock *lock);

/* Sleeps up to `deadline_ns` (UINT64_MAX: none), and returns as waitq_sleep_killable does.
   -ETIMEDOUT. The thread may hold sleeping locks and frame references, and world_stop waits for it,
   so the deadline is near, or a device is sure to answer. */
__must_check int waitq_sleep_holding(struct waitq *wq, struct spinlock *lock, uint64_t deadline_ns);

/* Ignores signals. Only for waits that are sure to end. */
void waitq_sleep_hard(struct waitq *wq, struct spinlock *lock);

/* Wake the first waiter, or all. waitq_wake_one returns false if there is none. The caller holds
   the lock that the sleepers dropped and take again: otherwise a thread that a signal has woken
   could return and exit while its waker still uses it. */
bool waitq_wake_one(struct waitq *wq);
void waitq_wake_all(struct waitq *wq);
