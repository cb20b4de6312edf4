/* Sources of events and the watches on them (sched/poll.h).

   One lock guards all watches, because an event can go from an epoll to an epoll that watches it,
   and so on: with a lock for each source, the locks of such a chain would have no order. The lock
   is held for a few steps for each watch that is told.

   A notifier looks at the list without the lock. It has changed the object under a lock that the
   owner of a watch takes to look at the object, after it has added the watch. If the owner looked
   before the change, the notifier sees the watch. */
#include <arch/atomic.h>
#include <lib/panic.h>
#include <sched/poll.h>

struct spinlock poll_lock = SPINLOCK(RANK_PIPE);

void poll_source_init(struct poll_source *source)
{
    TAILQ_INIT(&source->watches);
}

/* As long as the number of watches on this object. */
void poll_notify_locked(struct poll_source *source, unsigned events)
{
    struct poll_watch *watch;

    assert(spin_is_held(&poll_lock));
    TAILQ_FOREACH (watch, &source->watches, link) {
        if ((watch->events & events) && watch->tell(watch) && watch->is_exclusive)
            break;
    }
}

void poll_notify(struct poll_source *source, unsigned events)
{
    if (!atomic_load_relaxed(&source->watches.tqh_first))
        return;
    spin_lock(&poll_lock);
    poll_notify_locked(source, events);
    spin_unlock(&poll_lock);
}

void poll_watch(struct poll_watch *watch, struct poll_source *source)
{
    assert(spin_is_held(&poll_lock) && !watch->source);
    watch->source = source;
    if (watch->is_exclusive)
        TAILQ_INSERT_TAIL(&source->watches, watch, link);
    else
        TAILQ_INSERT_HEAD(&source->watches, watch, link);
}

void poll_unwatch(struct poll_watch *watch)
{
    assert(spin_is_held(&poll_lock));
    if (watch->source)
        TAILQ_REMOVE(&watch->source->watches, watch, link);
    watch->source = NULL;
}

/* ---- Pollers ---- */

void poller_init(struct poller *poller)
{
    waitq_init(&poller->waitq);
    poller->is_told = false;
}

static bool tell_poller(struct poll_watch *watch)
{
    struct poller *poller = container_of(watch, struct poller_watch, watch)->poller;

    poller->is_told = true;
    return waitq_wake_one(&poller->waitq);
}

void poller_watch(struct poller *poller, struct poller_watch *watch, struct poll_source *source,
                  unsigned events)
{
    watch->poller = poller;
    watch->watch.tell = tell_poller;
    watch->watch.events = events;
    spin_lock(&poll_lock);
    poll_watch(&watch->watch, source);
    spin_unlock(&poll_lock);
}

/* Only the poller's own thread changes `source`. */
void poller_unwatch(struct poller_watch *watch)
{
    if (!watch->watch.source)
        return;
    spin_lock(&poll_lock);
    poll_unwatch(&watch->watch);
    spin_unlock(&poll_lock);
}

int poller_wait(struct poller *poller, uint64_t deadline_ns)
{
    int err = 0;

    spin_lock(&poll_lock);
    while (!poller->is_told && !err)
        err = waitq_sleep_until(&poller->waitq, &poll_lock, deadline_ns);
    poller->is_told = false;
    spin_unlock(&poll_lock);
    return err;
}
