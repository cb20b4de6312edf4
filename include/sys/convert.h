/* Conversions between the kernel's units and Linux's structures. */
#pragma once

#include <linux/resource.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <arch/clock.h>
#include <proc/process.h>

#define NS_PER_SEC 1000000000ul
#define TICK_US    (1000000l / TICKS_PER_SEC)

static inline struct rusage rusage_from(const struct process_usage *usage)
{
    long user_us = usage->ticks_user * TICK_US, kernel_us = usage->ticks_kernel * TICK_US;

    return (struct rusage){
        .ru_utime = {.tv_sec = user_us / 1000000, .tv_usec = user_us % 1000000},
        .ru_stime = {.tv_sec = kernel_us / 1000000, .tv_usec = kernel_us % 1000000},
        .ru_minflt = usage->minor_faults,
    };
}

static inline struct __kernel_timespec timespec_from_ns(uint64_t ns)
{
    return (struct __kernel_timespec){.tv_sec = ns / NS_PER_SEC, .tv_nsec = ns % NS_PER_SEC};
}

/* Converts to nanoseconds, at most INT64_MAX. Returns false if `time` is not a valid time. */
static inline bool timespec_to_ns(const struct __kernel_timespec *time, uint64_t *ns)
{
    const int64_t max_sec = INT64_MAX / NS_PER_SEC;

    if (time->tv_sec < 0 || time->tv_nsec < 0 || time->tv_nsec >= (int64_t)NS_PER_SEC)
        return false;
    *ns = time->tv_sec >= max_sec ? INT64_MAX : time->tv_sec * NS_PER_SEC + time->tv_nsec;
    return true;
}

static inline struct __kernel_old_timeval timeval_from_ns(uint64_t ns)
{
    return (struct __kernel_old_timeval){.tv_sec = ns / NS_PER_SEC,
                                         .tv_usec = ns % NS_PER_SEC / 1000};
}
