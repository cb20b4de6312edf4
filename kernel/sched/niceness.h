/* How fast the virtual time of a thread runs. */
#pragma once

#include <sched/thread.h>

/* Returns the virtual time per CPU time, times TURN_RATE_ONE. */
unsigned niceness_rate(const struct thread_share *share);
