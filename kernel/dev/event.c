/* The counter of events.

   A poller counts itself into `pollers` and then looks at the count; a notifier counts the event
   and then looks at `pollers`. Both steps of both are in one order for all, so one of the two sees
   the other: no event is lost, and a notifier takes the lock only if somebody polls. */
#include <linux/errno.h>
#include <arch/atomic.h>
#include <dev/event.h>
#include <sched/waitq.h>

static struct spinlock event_lock = SPINLOCK(RANK_PIPE);
static struct waitq event_waitq = WAITQ(event_waitq);
static uint64_t events;  /* atomic */
static unsigned pollers; /* atomic */

void event_notify(void)
{
    (void)atomic_add_fetch(&events, 1);
    if (atomic_add_fetch(&pollers, 0) == 0)
        return;
    spin_lock(&event_lock);
    waitq_wake_all(&event_waitq);
    spin_unlock(&event_lock);
}

uint64_t event_count(void)
{
    return atomic_add_fetch(&events, 0);
}

int event_wait(uint64_t seen, uint64_t deadline_ns)
{
    int err = 0;

    (void)atomic_add_fetch(&pollers, 1);
    spin_lock(&event_lock);
    while (!err && event_count() == seen)
        err = waitq_sleep_until(&event_waitq, &event_lock, deadline_ns);
    spin_unlock(&event_lock);
    (void)atomic_sub_fetch(&pollers, 1);
    return err;
}
