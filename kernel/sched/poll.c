/* The count of poll notifications (sched/poll.h).

   A poller adds itself to `pollers` and then reads `poll_changes`. A notifier increments
   `poll_changes` and then reads `pollers`. These accesses are sequentially consistent, so at least
   one of the two sees the other: no notification is lost, and a notifier takes the lock only if a
   poller waits. */
#include <linux/errno.h>
#include <arch/atomic.h>
#include <sched/poll.h>
#include <sched/waitq.h>

static struct spinlock poll_lock = SPINLOCK(RANK_PIPE);
static struct waitq poll_waitq = WAITQ(poll_waitq);
static uint64_t poll_changes; /* atomic */
static unsigned pollers;      /* atomic */

void poll_notify(void)
{
    (void)atomic_add_fetch(&poll_changes, 1);
    if (atomic_add_fetch(&pollers, 0) == 0)
        return;
    spin_lock(&poll_lock);
    waitq_wake_all(&poll_waitq);
    spin_unlock(&poll_lock);
}

uint64_t poll_count(void)
{
    return atomic_add_fetch(&poll_changes, 0);
}

int poll_wait(uint64_t seen, uint64_t deadline_ns)
{
    int err = 0;

    (void)atomic_add_fetch(&pollers, 1);
    spin_lock(&poll_lock);
    while (!err && poll_count() == seen)
        err = waitq_sleep_until(&poll_waitq, &poll_lock, deadline_ns);
    spin_unlock(&poll_lock);
    (void)atomic_sub_fetch(&pollers, 1);
    return err;
}
