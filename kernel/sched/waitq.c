/* Wait queues.

   A sleeper queues itself, drops the caller's lock, sets its state, and gives the CPU away. A waker
   removes it from the queue (waiting_on becomes NULL) and makes it runnable. Signals and deadlines
   only make the thread runnable: it finds itself still queued, removes itself, and returns the
   reason. So they need not know the queue, which may be gone by then.

   Lock: the queue's own (RANK_WAITQ, also in interrupts), inside the caller's. */

#include <linux/errno.h>
#include <arch/clock.h>
#include <arch/hang.h>
#include <lib/panic.h>
#include <sched/heldlocks.h>
#include <sched/run.h>
#include <sched/thread.h>
#include <sched/timer.h>
#include <sched/waitq.h>
#include <sched/world.h>

#define NO_DEADLINE UINT64_MAX

/* DEBUG: the time after which a thread that waits for a sleeping lock reports a hang. */
#define LOCK_PATIENCE_NS 5000000000ul

void waitq_init(struct waitq *wq)
{
    *wq = (struct waitq)WAITQ(*wq);
}

static void wait_begin(struct waitq *wq, struct thread *thread)
{
    bool irq = spin_lock_irq(&wq->lock);

    assert(!thread->waiting_on);
    thread->waiting_on = wq;
    TAILQ_INSERT_TAIL(&wq->waiters, thread, wait_link);
    spin_unlock_irq(&wq->lock, irq);
}

/* Removes the thread from the queue. Returns false if a waker has done so. */
static bool wait_cancel(struct waitq *wq, struct thread *thread)
{
    bool irq = spin_lock_irq(&wq->lock);
    bool queued = thread->waiting_on;

    if (queued) {
        TAILQ_REMOVE(&wq->waiters, thread, wait_link);
        thread->waiting_on = NULL;
    }
    spin_unlock_irq(&wq->lock, irq);
    return queued;
}

/* Returns why a thread that was not woken should end its sleep, or 0 if it should sleep on. `work`
   are the WORK_ bits that end the sleep. */
static int wait_end_reason(const struct thread *thread, unsigned work, uint64_t deadline_ns)
{
    if (atomic_load(&thread->work) & work)
        return -EINTR;
    if (deadline_ns != NO_DEADLINE && clock_monotonic_ns() >= deadline_ns)
        return -ETIMEDOUT;
    return 0;
}

/* Returns true if the thread was woken or should end its sleep for the reason *reason. */
static bool wait_is_over(const struct thread *thread, unsigned work, uint64_t deadline_ns,
                         int *reason)
{
    *reason = wait_end_reason(thread, work, deadline_ns);
    return *reason || !atomic_load(&thread->waiting_on);
}

/* Sleeps until woken, or until there is another reason to end; returns 0 or the reason. */
static int wait_woken(struct waitq *wq, struct thread *thread, unsigned work, uint64_t deadline_ns)
{
    int reason;

    /* A preemption between thread_prepare_sleep and the tests would skip the tests. */
    bool irq = irq_save();
    do {
        thread_prepare_sleep();
        /* No later thread_wake is lost; the tests see the effect of the earlier ones. */
        if (wait_is_over(thread, work, deadline_ns, &reason)) {
            thread_wake(thread); /* does not sleep after all */
            break;
        }
        thread_schedule();
    } while (!wait_is_over(thread, work, deadline_ns, &reason));
    bool woken = !atomic_load(&thread->waiting_on) || !wait_cancel(wq, thread); /* just now */
    irq_restore(irq);
    return woken ? 0 : reason;
}

/* Sleeps at rest: world_stop does not wait for the thread meanwhile. */
static int wait_at_rest(struct waitq *wq, struct spinlock *lock, unsigned work,
                        uint64_t deadline_ns)
{
    struct thread *thread = thread_current();

    wait_begin(wq, thread);
    spin_unlock(lock);
    lock_check_holds_none_from(RANK_NONE, "sleeping at rest");
    world_enter_rest();
    if (deadline_ns != NO_DEADLINE)
        timer_set(deadline_ns);
    int err = wait_woken(wq, thread, work, deadline_ns);
    if (deadline_ns != NO_DEADLINE)
        timer_cancel();
    world_leave_rest();
    spin_lock(lock);
    return err;
}

int waitq_sleep(struct waitq *wq, struct spinlock *lock)
{
    return wait_at_rest(wq, lock, WORK_SIGNAL, NO_DEADLINE);
}

int waitq_sleep_killable(struct waitq *wq, struct spinlock *lock)
{
    return wait_at_rest(wq, lock, WORK_KILL, NO_DEADLINE);
}

int waitq_sleep_until(struct waitq *wq, struct spinlock *lock, uint64_t deadline_ns)
{
    return wait_at_rest(wq, lock, WORK_SIGNAL, deadline_ns);
}

/* DEBUG: sleeps for a lock. If the sleep takes long, reports a hang and returns early: the caller
   tests its condition again. */
static void wait_for_lock(struct waitq *wq, struct thread *thread)
{
    uint64_t deadline_ns = clock_monotonic_ns() + LOCK_PATIENCE_NS;

    timer_set(deadline_ns);
    int err = wait_woken(wq, thread, 0, deadline_ns);
    timer_cancel();
    if (err)
        hang_report(RULE(7) "has waited for a lock for seconds");
}

int waitq_sleep_holding(struct waitq *wq, struct spinlock *lock, uint64_t deadline_ns)
{
    struct thread *thread = thread_current();

    wait_begin(wq, thread);
    spin_unlock(lock);
    lock_check_holds_none_from(RANK_VSPACE, "sleeping");
    if (deadline_ns != NO_DEADLINE)
        timer_set(deadline_ns);
    int err = wait_woken(wq, thread, WORK_KILL, deadline_ns);
    if (deadline_ns != NO_DEADLINE)
        timer_cancel();
    spin_lock(lock);
    return err;
}

void waitq_sleep_hard(struct waitq *wq, struct spinlock *lock)
{
    struct thread *thread = thread_current();

    wait_begin(wq, thread);
    spin_unlock(lock);
    lock_check_holds_none_from(RANK_SPACES, "sleeping");
    if (lock_waited_for(thread))
        wait_for_lock(wq, thread);
    else
        (void)wait_woken(wq, thread, 0, NO_DEADLINE);
    spin_lock(lock);
}

/* Removes the first waiter and makes it runnable. Returns false if there is none. The queue's lock
   is held. The waiter may run already, because of a signal or a deadline, and find itself woken.
   Yet it still exists at thread_wake: it must first take its caller's lock again, and our caller
   holds it. */
static bool wake_first(struct waitq *wq)
{
    struct thread *thread = TAILQ_FIRST(&wq->waiters);

    if (!thread)
        return false;
    TAILQ_REMOVE(&wq->waiters, thread, wait_link);
    atomic_store(&thread->waiting_on, NULL);
    thread_wake(thread);
    return true;
}

/* Returns true if threads may stand in the queue. Our caller holds the lock under which a thread
   joins it, so none is missed. */
static bool may_have_waiters(const struct waitq *wq)
{
    return atomic_load_relaxed(&TAILQ_FIRST(&wq->waiters));
}

bool waitq_wake_one(struct waitq *wq)
{
    if (!may_have_waiters(wq))
        return false;
    bool irq = spin_lock_irq(&wq->lock);

    bool woken = wake_first(wq);
    spin_unlock_irq(&wq->lock, irq);
    return woken;
}

void waitq_wake_all(struct waitq *wq)
{
    if (!may_have_waiters(wq))
        return;
    bool irq = spin_lock_irq(&wq->lock);

    while (wake_first(wq))
        ;
    spin_unlock_irq(&wq->lock, irq);
}
