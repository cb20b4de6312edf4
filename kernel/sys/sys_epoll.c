/* epoll(7). */

#include <linux/errno.h>
#include <arch/clock.h>
#include <fs/epoll.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <sys/timeout.h>
#include <vm/usercopy.h>
#include "pollset.h"

#define MAX_EVENTS (INT32_MAX / (int)sizeof(struct epoll_event))

static long create_epoll(unsigned fd_flags)
{
    struct file *file;
    int err = epoll_create(&file);

    if (err)
        return err;
    int fd = fdtable_install(task_current()->files, file, 0, fd_flags, fd_limit());
    if (fd < 0)
        file_put(file);
    return fd;
}

SYSCALL1(sys_epoll_create1, unsigned, flags)
{
    if (flags & ~EPOLL_CLOEXEC)
        return -EINVAL;
    return create_epoll(flags ? FD_CLOEXEC : 0);
}

SYSCALL1(sys_epoll_create, int, size)
{
    return size > 0 ? create_epoll(0) : -EINVAL;
}

SYSCALL4(sys_epoll_ctl, int, epfd, int, op, int, fd, const struct epoll_event __user *, user)
{
    struct epoll_event event = {0};

    if (op != EPOLL_CTL_DEL && get_user(&event, user))
        return -EFAULT;
    struct file *file = io_file_from_fd(epfd);
    if (!file)
        return -EBADF;
    struct file *target = io_file_from_fd(fd);
    long err = target ? epoll_control(file, op, fd, target, &event) : -EBADF;
    if (target)
        file_put(target);
    file_put(file);
    return err;
}

static int wait_checked(struct file *file, struct epoll_event __user *events, int max,
                        uint64_t deadline_ns)
{
    if (max <= 0 || max > MAX_EVENTS)
        return -EINVAL;
    if (!user_access_ok(events, max * sizeof(*events)))
        return -EFAULT;
    return is_epoll(file) ? epoll_wait(file, events, max, deadline_ns) : -EINVAL;
}

static long wait_for_events(int epfd, struct epoll_event __user *events, int max,
                            uint64_t deadline_ns)
{
    struct file *file = io_file_from_fd(epfd);

    if (!file)
        return -EBADF;
    int count = wait_checked(file, events, max, deadline_ns);
    file_put(file);
    return count;
}

/* The same with a signal mask, which holds during the wait. */
static long wait_with_mask(int epfd, struct epoll_event __user *events, int max,
                           uint64_t deadline_ns, const uint64_t __user *mask, size_t mask_size)
{
    int err = poll_mask_set(mask, mask_size);

    if (err)
        return err;
    long count = wait_for_events(epfd, events, max, deadline_ns);
    poll_mask_restore(count);
    return count;
}

/* Returns the deadline of a timeout in milliseconds: negative is never, and 0 is no wait. */
static uint64_t deadline_of(int timeout_ms)
{
    if (timeout_ms < 0)
        return UINT64_MAX;
    return timeout_ms ? clock_monotonic_ns() + timeout_ms * 1000000ul : 0;
}

SYSCALL4(sys_epoll_wait, int, epfd, struct epoll_event __user *, events, int, max, int, timeout_ms)
{
    return wait_for_events(epfd, events, max, deadline_of(timeout_ms));
}

SYSCALL6(sys_epoll_pwait, int, epfd, struct epoll_event __user *, events, int, max, int, timeout_ms,
         const uint64_t __user *, mask, size_t, mask_size)
{
    return wait_with_mask(epfd, events, max, deadline_of(timeout_ms), mask, mask_size);
}

SYSCALL6(sys_epoll_pwait2, int, epfd, struct epoll_event __user *, events, int, max,
         const struct __kernel_timespec __user *, timeout, const uint64_t __user *, mask, size_t,
         mask_size)
{
    uint64_t deadline_ns;
    int err = timeout_deadline(timeout, &deadline_ns);

    return err ? err : wait_with_mask(epfd, events, max, deadline_ns, mask, mask_size);
}
