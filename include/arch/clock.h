/* Time. */
#pragma once

#include <lib/base.h>

/* The timer interrupt's rate on each CPU; also the unit in which times are told to programs (AT_CLKTCK). */
#define TICKS_PER_SEC 100

/* Nanoseconds since boot; never goes back. */
uint64_t clock_monotonic_ns(void);

/* Nanoseconds since 1970, from the RTC at boot and the TSC since. */
uint64_t clock_realtime_ns(void);
