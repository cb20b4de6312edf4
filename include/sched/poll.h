/* How poll waits for several files at once. The whole machine has one count of notifications: code
   that makes a file readable or writable increments it, and a poller looks at its files again
   whenever the count has changed. That is simple and correct, and fast enough for a few pollers.

       do {
           seen = poll_count();
           if (is any file ready?)
               break;
       } while (!(err = poll_wait(seen, deadline_ns))); */
#pragma once

#include <lib/base.h>

/* Notifies all pollers. Without pollers, the cost is one atomic increment. Interrupt handlers
   must not call it. Lock: RANK_PIPE, taken inside. */
void poll_notify(void);

/* Returns the number of notifications so far. */
uint64_t poll_count(void);

/* Sleeps until the count differs from `seen`. Returns -EINTR if a signal came first, -ETIMEDOUT at
   `deadline_ns` (monotonic; UINT64_MAX: never). */
__must_check int poll_wait(uint64_t seen, uint64_t deadline_ns);
