/* The time, and the timer interrupt. */
#pragma once

#include <lib/base.h>

/* The rate of the timer interrupt on each CPU. Programs see it as AT_CLKTCK, the unit of some
   times. */
#define TICKS_PER_SEC 100

/* Returns the nanoseconds since boot, which never decrease. */
uint64_t clock_monotonic_ns(void);

/* Returns the nanoseconds since 1970: the RTC at boot plus the TSC since. */
uint64_t clock_realtime_ns(void);
