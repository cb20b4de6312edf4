/* Deadlines: threads that are to be woken at a time. */
#pragma once

#include <sched/thread.h>

/* Wakes the current thread at `deadline_ns` (monotonic), unless it calls timer_cancel first. Lock:
   RANK_TIMER, taken inside. */
void timer_set(uint64_t deadline_ns);
void timer_cancel(void);

/* Wakes the threads whose deadline has come. Called from the tick of CPU 0, interrupts off. */
void timer_expire(uint64_t now_ns);
