/* How a thread waits for several objects at once. Each object that can become ready (a pipe, the
   terminal) has a source, and a watch on a source is told of each event there. A poller waits for
   any of its watches; an epoll (fs/epoll.h) has watches of its own kind.

       poller_watch(&poller, &watch, source, events);         change the object's state;
       while (nothing is ready && !err)                       poll_notify(source, events);
           err = poller_wait(&poller, deadline_ns);
       poller_unwatch(&watch);

   A watch is there before its owner looks at the object. So no event is lost, provided that the
   state of the object is changed and looked at under one lock.

   Lock: poll_lock (RANK_PIPE), for the watches of all sources. A source that nobody watches costs
   a notifier one look, without a lock. */
#pragma once

#include <linux/poll.h>
#include <sched/waitq.h>

/* The events of an object that can be read, and of one that can be written. */
#define POLL_READABLE (POLLIN | POLLRDNORM)
#define POLL_WRITABLE (POLLOUT | POLLWRNORM)

/* An event that changes what an object can do in an unknown way. */
#define POLL_ANY UINT32_MAX

extern struct spinlock poll_lock;

TAILQ_HEAD(poll_watches, poll_watch);

struct poll_source {
    struct poll_watches watches; /* (poll_lock) those that are exclusive come last */
};

struct poll_watch {
    struct poll_source *source;   /* (poll_lock) NULL: it watches nothing */
    TAILQ_ENTRY(poll_watch) link; /* (poll_lock) */
    unsigned events;              /* (poll_lock) POLL bits that it is told of */
    bool is_exclusive;            /* constant; of several, one that wakes a thread is enough */

    /* Tells the owner of an event. Returns true if a thread was woken. poll_lock is held. */
    bool (*tell)(struct poll_watch *watch);
};

#define POLL_SOURCE(name)                                  \
    {                                                      \
        .watches = TAILQ_HEAD_INITIALIZER((name).watches), \
    }

void poll_source_init(struct poll_source *source);

/* Tells the watches of these events. The caller holds no lock of RANK_PIPE or above, and is no
   interrupt handler. The second form is for code that holds poll_lock. */
void poll_notify(struct poll_source *source, unsigned events);
void poll_notify_locked(struct poll_source *source, unsigned events);

/* Adds a watch, whose `tell`, `events` and `is_exclusive` are set, and removes it. poll_lock is
   held. poll_unwatch does nothing to a watch that watches nothing. */
void poll_watch(struct poll_watch *watch, struct poll_source *source);
void poll_unwatch(struct poll_watch *watch);

/* A thread that waits for its watches. */
struct poller {
    struct waitq waitq; /* (poll_lock) */
    bool is_told;       /* (poll_lock) an event has come since the last poller_wait */
};

struct poller_watch {
    struct poll_watch watch;
    struct poller *poller; /* constant */
};

void poller_init(struct poller *poller);

/* Makes `watch`, which is zeroed, watch a source for the poller. */
void poller_watch(struct poller *poller, struct poller_watch *watch, struct poll_source *source,
                  unsigned events);
void poller_unwatch(struct poller_watch *watch);

/* Sleeps until a watch of the current thread's poller is told of an event. Returns at once if that
   has happened since the last call. Returns -EINTR if a signal came first, -ETIMEDOUT at
   `deadline_ns` (monotonic; UINT64_MAX: never). */
__must_check int poller_wait(struct poller *poller, uint64_t deadline_ns);
