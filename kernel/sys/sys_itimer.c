/* Interval timers: alarm(2), setitimer(2), getitimer(2). */

#include <linux/errno.h>
#include <linux/time_types.h>
#include <linux/time.h>
#include <proc/process.h>
#include <sys/convert.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

/* Returns false if `time` is not a valid time. */
static bool timeval_to_ns(const struct __kernel_old_timeval *time, uint64_t *ns)
{
    const struct __kernel_timespec spec = {.tv_sec = time->tv_sec, .tv_nsec = time->tv_usec * 1000};

    return time->tv_usec >= 0 && time->tv_usec < 1000000 && timespec_to_ns(&spec, ns);
}

/* Returns the earlier alarm's rest in seconds, rounded, but at least 1: 0 means that there was
   none. */
SYSCALL1(sys_alarm, unsigned, seconds)
{
    uint64_t left_ns = alarm_get().left_ns;

    alarm_set(&(struct alarm_setting){.left_ns = seconds * NS_PER_SEC});
    return left_ns ? max((left_ns + NS_PER_SEC / 2) / NS_PER_SEC, 1ul) : 0;
}

/* Reads a timer by its number in setitimer(2). Returns -EINVAL if no timer has this number. */
static int timer_get(int which, struct alarm_setting *setting)
{
    switch (which) {
    case ITIMER_REAL:
        *setting = alarm_get();
        return 0;
    case ITIMER_VIRTUAL:
        *setting = cpu_timer_get(CPU_TIMER_VIRTUAL);
        return 0;
    case ITIMER_PROF:
        *setting = cpu_timer_get(CPU_TIMER_PROF);
        return 0;
    default:
        return -EINVAL;
    }
}

static void timer_set(int which, const struct alarm_setting *setting)
{
    if (which == ITIMER_REAL)
        alarm_set(setting);
    else
        cpu_timer_set(which == ITIMER_PROF ? CPU_TIMER_PROF : CPU_TIMER_VIRTUAL, setting);
}

/* Copies a timer's setting to the user. A running timer has at least 1 microsecond left, because 0
   means that it is off. */
static int put_timer(const struct alarm_setting *setting, struct __kernel_old_itimerval __user *to)
{
    uint64_t left_ns = setting->left_ns ? max(setting->left_ns, 1000ul) : 0;
    const struct __kernel_old_itimerval out = {
        .it_value = timeval_from_ns(left_ns),
        .it_interval = timeval_from_ns(setting->interval_ns),
    };

    return put_user(to, &out);
}

SYSCALL2(sys_getitimer, int, which, struct __kernel_old_itimerval __user *, old)
{
    struct alarm_setting now;
    int err = timer_get(which, &now);

    return err ? err : put_timer(&now, old);
}

SYSCALL3(sys_setitimer, int, which, const struct __kernel_old_itimerval __user *, new,
         struct __kernel_old_itimerval __user *, old)
{
    struct __kernel_old_itimerval in = {0};
    struct alarm_setting setting, before;

    if (new &&get_user(&in, new))
        return -EFAULT;
    int err = timer_get(which, &before);
    if (err)
        return err;
    if (!timeval_to_ns(&in.it_value, &setting.left_ns) ||
        !timeval_to_ns(&in.it_interval, &setting.interval_ns))
        return -EINVAL;
    timer_set(which, &setting);
    return old ? put_timer(&before, old) : 0;
}
