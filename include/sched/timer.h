/* Deadlines: threads that are to be woken at a time. */
#pragma once

#include <sched/thread.h>

/* Wakes the current thread at `deadline_ns` (monotonic), unless it calls timer_cancel first. Lock:
   RANK_TIMER, taken inside. */
void timer_set(uint64_t deadline_ns);
void timer_cancel(void);

/* Wakes the threads that have set a deadline on this CPU, and whose deadline has come. Returns the
   next deadline; UINT64_MAX: none. Interrupts are off. */
uint64_t timer_expire(uint64_t now_ns);
