/* The time, and the timer interrupt. */
#pragma once

#include <lib/base.h>

/* The unit in which programs are told some times is a hundredth of a second (AT_CLKTCK). */
#define USER_HZ 100

static inline uint64_t clock_ticks(uint64_t ns)
{
    return ns / (1000000000 / USER_HZ);
}

/* Returns the nanoseconds since boot, which never decrease. */
uint64_t clock_monotonic_ns(void);

/* Returns the nanoseconds since 1970: the RTC at boot plus the TSC since. */
uint64_t clock_realtime_ns(void);

/* Returns the measured rate of the TSC. */
uint64_t clock_tsc_hz(void);

/* Makes the timer of this CPU interrupt once, as VECTOR_TIMER, at `deadline_ns` (monotonic). A far
   deadline is interrupted early, because the timer's counter is short and its rate is measured. A
   later call replaces an earlier one. Interrupts are off. */
void timer_interrupt_at(uint64_t deadline_ns);
