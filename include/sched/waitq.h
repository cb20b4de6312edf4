/* Sleep and wake: a queue of threads that wait for something to become true under a spinlock.

       spin_lock(&x->lock);                             spin_lock(&x->lock);
       while (!x->ready)                                x->ready = true;
           if ((err = waitq_sleep(&x->wq, &x->lock)))   waitq_wake_all(&x->wq);
               break;                                   spin_unlock(&x->lock);
       ...
       spin_unlock(&x->lock);

   A wake-up between the test and the sleep is not lost: the sleeper is queued before it drops the lock, and the waker
   holds it. Locks: struct waitq's own (RANK_WAITQ), taken inside; wakers may be interrupt handlers. */
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

/* Each sleeps until woken, without `lock`, and returns with it held again. Callers test their condition again: a
   wake-up is a hint. The caller holds no other spinlock.
   waitq_sleep ends early, with -EINTR, when a signal is pending for the thread (before sleeping, too), and while the
   thread sleeps it counts as at rest (sched/world.h): it must hold no reference on a frame and no sleeping lock.
   waitq_sleep_until also ends at `deadline_ns` (monotonic; UINT64_MAX: never), with -ETIMEDOUT.
   waitq_sleep_killable is waitq_sleep for waits that only the end of the process may cut short.
   waitq_sleep_hard does not look at signals; only for waits that end by themselves. */
typedef int waitq_sleep_fn(struct waitq *wq, struct spinlock *lock);
__must_check int waitq_sleep(struct waitq *wq, struct spinlock *lock);
__must_check int waitq_sleep_until(struct waitq *wq, struct spinlock *lock, uint64_t deadline_ns);
__must_check int waitq_sleep_killable(struct waitq *wq, struct spinlock *lock);
void waitq_sleep_hard(struct waitq *wq, struct spinlock *lock);

/* The caller holds the lock that the sleepers gave away, and take again: a thread that has woken by itself does not
   run on, and end, beside its waker. */
void waitq_wake_one(struct waitq *wq);
void waitq_wake_all(struct waitq *wq);
