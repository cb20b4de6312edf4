/* Conversions between the kernel's units and Linux's structures. */
#pragma once

#include <linux/resource.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <arch/clock.h>
#include <proc/process.h>

#define NS_PER_SEC 1000000000ul

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

static inline struct rusage rusage_from(const struct process_usage *usage)
{
    return (struct rusage){
        .ru_utime = timeval_from_ns(usage->cpu.user_ns),
        .ru_stime = timeval_from_ns(usage->cpu.kernel_ns),
        .ru_minflt = usage->minor_faults,
    };
}
