/* Something has happened: how poll waits for any of several files at once. There is one counter for
   the whole machine; whoever makes a file readable or writable counts it up, and a poller looks at
   its files again whenever it moved. Simple, right, and enough for a few pollers.

       do {
           seen = event_count();
           if (is anything ready?)
               break;
       } while (!(err = event_wait(seen, deadline_ns))); */
#pragma once

#include <lib/base.h>

/* Lock: RANK_PIPE, taken inside; not from interrupt handlers. Costs nothing but a count if nobody
   waits. */
void event_notify(void);

uint64_t event_count(void);

/* Sleeps until the count is no longer `seen`. -EINTR; -ETIMEDOUT at `deadline_ns` (monotonic;
   UINT64_MAX: never). */
__must_check int event_wait(uint64_t seen, uint64_t deadline_ns);
