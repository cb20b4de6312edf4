/* Deadlines: threads that are to be woken at a time. */
#pragma once

#include <sched/thread.h>

/* Wakes the current thread at `deadline_ns` (monotonic), unless timer_cancel comes first. Locks: RANK_TIMER. */
void timer_set(uint64_t deadline_ns);
void timer_cancel(void);

/* Wakes those whose time has come. From the tick, interrupts off. */
void timer_expire(uint64_t now_ns);
