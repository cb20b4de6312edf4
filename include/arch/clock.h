/* Time. */
#pragma once

#include <lib/base.h>

/* Nanoseconds since boot; never goes back. */
uint64_t clock_monotonic_ns(void);

/* Nanoseconds since 1970, from the RTC at boot and the TSC since. */
uint64_t clock_realtime_ns(void);
