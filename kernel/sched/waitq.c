/* Wait queues.

   A sleeper queues itself, sets its state, drops the caller's lock, and gives the CPU away. Who wakes it takes it out
   of the queue (waiting_on becomes NULL). Signals and deadlines only let the thread run: it finds itself still queued,
   takes itself out, and says why. So nobody needs to know the queue of another thread, which may be gone by then.

   Lock: the queue's own (RANK_WAITQ, also in interrupts), inside the caller's. */

#include <linux/errno.h>
#include <arch/clock.h>
#include <lib/panic.h>
#include <sched/thread.h>
#include <sched/timer.h>
#include <sched/waitq.h>
#include <sched/world.h>

#define NO_DEADLINE UINT64_MAX

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

/* Takes the thread out of the queue; false if a waker has done so. */
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

/* Why a thread that nobody has woken should not sleep on; 0: it should. `work`: the WORK_ bits that end its sleep. */
static int reason_to_end(const struct thread *thread, unsigned work, uint64_t deadline_ns)
{
    if (atomic_load(&thread->work) & work)
        return -EINTR;
    if (deadline_ns != NO_DEADLINE && clock_monotonic_ns() >= deadline_ns)
        return -ETIMEDOUT;
    return 0;
}

/* Sleeps until woken, or until there is another reason. Interrupts are off, so that no preemption comes
   between setting the state and the tests: it would put the thread to sleep without them. */
static int wait_irq_off(struct waitq *wq, struct thread *thread, unsigned work,
                        uint64_t deadline_ns)
{
    for (;;) {
        thread_prepare_sleep();
        /* From here on a thread_wake is not lost; what came before it shows now. */
        int reason = reason_to_end(thread, work, deadline_ns);
        bool woken = !atomic_load(&thread->waiting_on);

        if (!woken && !reason) {
            thread_schedule();
            continue;
        }
        thread_wake(thread); /* does not sleep after all */
        if (woken)
            return 0;
        return wait_cancel(wq, thread) ? reason : 0;
    }
}

static int wait(struct waitq *wq, struct thread *thread, unsigned work, uint64_t deadline_ns)
{
    bool irq = irq_save();
    int err = wait_irq_off(wq, thread, work, deadline_ns);

    irq_restore(irq);
    return err;
}

/* At rest. */
static int sleep_soft(struct waitq *wq, struct spinlock *lock, unsigned work, uint64_t deadline_ns)
{
    struct thread *thread = thread_current();

    wait_begin(wq, thread);
    spin_unlock(lock);
    world_enter_rest();
    if (deadline_ns != NO_DEADLINE)
        timer_set(deadline_ns);
    int err = wait(wq, thread, work, deadline_ns);
    if (deadline_ns != NO_DEADLINE)
        timer_cancel();
    world_leave_rest();
    spin_lock(lock);
    return err;
}

int waitq_sleep(struct waitq *wq, struct spinlock *lock)
{
    return sleep_soft(wq, lock, WORK_SIGNAL, NO_DEADLINE);
}

int waitq_sleep_killable(struct waitq *wq, struct spinlock *lock)
{
    return sleep_soft(wq, lock, WORK_KILL, NO_DEADLINE);
}

int waitq_sleep_until(struct waitq *wq, struct spinlock *lock, uint64_t deadline_ns)
{
    return sleep_soft(wq, lock, WORK_SIGNAL, deadline_ns);
}

void waitq_sleep_hard(struct waitq *wq, struct spinlock *lock)
{
    struct thread *thread = thread_current();

    wait_begin(wq, thread);
    spin_unlock(lock);
    (void)wait(wq, thread, 0, NO_DEADLINE);
    spin_lock(lock);
}

/* Takes the first waiter out and lets it run; false if there is none. The queue's lock is held. The thread may run
   already, for a signal or a deadline, and find itself woken; but it is not gone before thread_wake, since it must take
   its caller's lock again, which our caller holds. */
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

void waitq_wake_one(struct waitq *wq)
{
    bool irq = spin_lock_irq(&wq->lock);

    wake_first(wq);
    spin_unlock_irq(&wq->lock, irq);
}

void waitq_wake_all(struct waitq *wq)
{
    bool irq = spin_lock_irq(&wq->lock);

    while (wake_first(wq))
        ;
    spin_unlock_irq(&wq->lock, irq);
}
