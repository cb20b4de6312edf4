/* The timers of timer_create(2) and its relatives. */

#include <asm/siginfo.h>
#include <linux/errno.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <arch/clock.h>
#include <proc/process.h>
#include <sys/convert.h>
#include <sys/syscall.h>
#include <sys/timeout.h>
#include <vm/usercopy.h>

/* Fills in how a timer tells that it has expired. -EINVAL. For the kernel SIGEV_THREAD is a signal
   to the process, because the C library starts the thread. */
static int target_from(const struct sigevent *event, struct timer_target *target)
{
    *target = (struct timer_target){
        .notify = event->sigev_notify == SIGEV_THREAD ? SIGEV_SIGNAL : event->sigev_notify,
        .signo = event->sigev_signo,
        .tid = event->_sigev_un._tid,
        .value = (uint64_t)event->sigev_value.sival_ptr,
        .has_value = true,
    };
    switch (target->notify) {
    case SIGEV_NONE:
        return 0;
    case SIGEV_SIGNAL:
    case SIGEV_THREAD_ID:
        return target->signo >= 1 && target->signo <= SIGNALS ? 0 : -EINVAL;
    default:
        return -EINVAL;
    }
}

/* Returns 0 for the clocks of which there are timers. -EOPNOTSUPP: the clock exists. */
static int check_clock(int clock)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME:
    case CLOCK_TAI:
        return 0;
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_PROCESS_CPUTIME_ID:
    case CLOCK_THREAD_CPUTIME_ID:
        return -EOPNOTSUPP;
    default:
        return -EINVAL;
    }
}

SYSCALL3(sys_timer_create, int, clock, const struct sigevent __user *, event, int __user *, out)
{
    struct timer_target target = {.notify = SIGEV_SIGNAL, .signo = SIGALRM};
    struct sigevent in;

    if (event && get_user(&in, event))
        return -EFAULT;
    int err = check_clock(clock);
    if (!err && event)
        err = target_from(&in, &target);
    if (err)
        return err;
    target.clock = clock;
    int id = posix_timer_create(&target);
    if (id < 0)
        return id;
    if (put_user(out, &id)) {
        (void)!posix_timer_delete(id);
        return -EFAULT;
    }
    return 0;
}

static int put_setting(struct __kernel_itimerspec __user *to, const struct alarm_setting *setting)
{
    const struct __kernel_itimerspec out = {
        .it_value = timespec_from_ns(setting->left_ns),
        .it_interval = timespec_from_ns(setting->interval_ns),
    };

    return put_user(to, &out);
}

SYSCALL2(sys_timer_gettime, int, id, struct __kernel_itimerspec __user *, out)
{
    struct alarm_setting setting;
    int err = posix_timer_get(id, &setting);

    return err ? err : put_setting(out, &setting);
}

SYSCALL4(sys_timer_settime, int, id, int, flags, const struct __kernel_itimerspec __user *, new,
         struct __kernel_itimerspec __user *, old)
{
    struct alarm_setting setting, before;
    struct __kernel_itimerspec in;

    if (!new)
        return -EINVAL;
    if (get_user(&in, new))
        return -EFAULT;
    if (!timespec_to_ns(&in.it_value, &setting.left_ns) ||
        !timespec_to_ns(&in.it_interval, &setting.interval_ns))
        return -EINVAL;
    int err = posix_timer_set(id, &setting, flags & TIMER_ABSTIME, &before);
    if (err || !old)
        return err;
    return put_setting(old, &before);
}

SYSCALL1(sys_timer_getoverrun, int, id)
{
    return posix_timer_overrun(id);
}

SYSCALL1(sys_timer_delete, int, id)
{
    return posix_timer_delete(id);
}
