/* Clocks, and sleeping by them. */

#include <linux/errno.h>
#include <linux/time.h>
#include <arch/clock.h>
#include <proc/process.h>
#include <proc/restart.h>
#include <sys/convert.h>
#include <sys/syscall.h>
#include <sys/timeout.h>
#include <vm/usercopy.h>

/* Returns the CPU time of the current process, or of the current task alone. */
static uint64_t cpu_clock_ns(int clock)
{
    struct cputime cpu = clock == CLOCK_THREAD_CPUTIME_ID ? task_cputime(task_current())
                                                          : process_usage_current(NULL).cpu;

    return cpu.user_ns + cpu.kernel_ns;
}

/* Reads a clock. Returns -EINVAL if no clock has this number. */
static int clock_read(int clock, uint64_t *ns)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI: /* the number of leap seconds is unknown */
        *ns = clock_realtime_ns();
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        *ns = clock_monotonic_ns();
        return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
    case CLOCK_THREAD_CPUTIME_ID:
        *ns = cpu_clock_ns(clock);
        return 0;
    default:
        return -EINVAL;
    }
}

/* Returns true if a sleep may end by this clock. By a clock of CPU time it cannot. */
static bool can_wake(int clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME ||
           clock == CLOCK_TAI;
}

SYSCALL2(sys_clock_gettime, int, clock, struct __kernel_timespec __user *, out)
{
    uint64_t ns;
    int err = clock_read(clock, &ns);

    if (err)
        return err;
    const struct __kernel_timespec time = timespec_from_ns(ns);
    return put_user(out, &time);
}

SYSCALL2(sys_clock_getres, int, clock, struct __kernel_timespec __user *, out)
{
    const struct __kernel_timespec resolution = {.tv_nsec = 1};
    uint64_t ns;
    int err = clock_read(clock, &ns);

    return err || !out ? err : put_user(out, &resolution);
}

/* Seconds since 1970. */
SYSCALL1(sys_time, int64_t __user *, out)
{
    const int64_t now = clock_realtime_ns() / NS_PER_SEC;

    return out && put_user(out, &now) ? -EFAULT : now;
}

/* The kernel's time zone is UTC. */
SYSCALL2(sys_gettimeofday, struct __kernel_old_timeval __user *, out, struct timezone __user *,
         zone)
{
    uint64_t us = clock_realtime_ns() / 1000;
    const struct __kernel_old_timeval time = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};
    const struct timezone utc = {0};
    int err = out ? put_user(out, &time) : 0;

    return err || !zone ? err : put_user(zone, &utc);
}

/* Sleeps until a time of the monotonic clock. On -EINTR stores the rest in `remaining`, if that is
   not NULL. */
static int sleep_until(uint64_t deadline_ns, struct __kernel_timespec __user *remaining)
{
    int err = thread_sleep_until(deadline_ns);

    if (err == -EINTR && remaining) {
        const struct __kernel_timespec left = timespec_from_ns(timeout_left_ns(deadline_ns));

        if (put_user(remaining, &left))
            return -EFAULT;
    }
    return err;
}

/* Sleeps for `ns`. A sleep that restarts after a signal without a handler keeps its first
   deadline. */
static int sleep_for(uint64_t ns, struct __kernel_timespec __user *remaining)
{
    uint64_t deadline_ns = restart_deadline(clock_monotonic_ns() + ns);
    int err = sleep_until(deadline_ns, remaining);

    if (err == -EINTR)
        restart_keep_deadline(deadline_ns);
    return err;
}

SYSCALL2(sys_nanosleep, const struct __kernel_timespec __user *, request,
         struct __kernel_timespec __user *, remaining)
{
    struct __kernel_timespec time;
    uint64_t ns;

    if (get_user(&time, request))
        return -EFAULT;
    if (!timespec_to_ns(&time, &ns))
        return -EINVAL;
    return sleep_for(ns, remaining);
}

SYSCALL4(sys_clock_nanosleep, int, clock, int, flags, const struct __kernel_timespec __user *,
         request, struct __kernel_timespec __user *, remaining)
{
    struct __kernel_timespec time;
    uint64_t ns, now;

    if (clock_read(clock, &now))
        return -EINVAL;
    if (!can_wake(clock))
        return -EOPNOTSUPP;
    if (get_user(&time, request))
        return -EFAULT;
    if (!timespec_to_ns(&time, &ns))
        return -EINVAL;
    if (!(flags & TIMER_ABSTIME))
        return sleep_for(ns, remaining);
    return sleep_until(clock_monotonic_ns() + (ns > now ? ns - now : 0), NULL);
}
