/* Timeouts: from the timeout of a system call to a deadline, and back. */

#include <linux/errno.h>
#include <arch/clock.h>
#include <proc/process.h>
#include <proc/restart.h>
#include <sys/convert.h>
#include <sys/timeout.h>
#include <vm/usercopy.h>

int timeout_deadline(const struct __kernel_timespec __user *timeout, uint64_t *deadline_ns)
{
    struct __kernel_timespec time;

    if (timeout && get_user(&time, timeout))
        return -EFAULT;
    return timespec_deadline(timeout ? &time : NULL, deadline_ns);
}

int timespec_deadline(const struct __kernel_timespec *time, uint64_t *deadline_ns)
{
    uint64_t ns;

    *deadline_ns = UINT64_MAX;
    if (time && !timespec_to_ns(time, &ns))
        return -EINVAL;
    if (time)
        *deadline_ns = clock_monotonic_ns() + ns;
    *deadline_ns = restart_deadline(*deadline_ns);
    return 0;
}

uint64_t timeout_left_ns(uint64_t deadline_ns)
{
    uint64_t now_ns = clock_monotonic_ns();

    return deadline_ns > now_ns ? deadline_ns - now_ns : 0;
}

void timeout_write_left(struct __kernel_timespec __user *timeout, uint64_t deadline_ns)
{
    const struct __kernel_timespec left = timespec_from_ns(timeout_left_ns(deadline_ns));

    if (timeout)
        (void)!put_user(timeout, &left);
}
