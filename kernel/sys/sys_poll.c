/* poll(2) and ppoll(2). */

#include <linux/errno.h>
#include <arch/clock.h>
#include <mm/heap.h>
#include <proc/restart.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <sys/timeout.h>
#include <vm/usercopy.h>
#include "pollset.h"

static int store_events(const struct poll_set *set, struct pollfd __user *user)
{
    for (size_t i = 0; i < set->count; i++)
        if (put_user(&user[i].revents, &set->fds[i].revents))
            return -EFAULT;
    return 0;
}

/* Polls on a copy of the user's array, in set->fds. As on Linux, a call that a signal ends stores
   its events too: none. Only `revents` is written. */
static long poll_copy(const struct poll_set *set, struct pollfd __user *user, uint64_t deadline_ns)
{
    if (copy_from_user(set->fds, user, set->count * sizeof(*set->fds)))
        return -EFAULT;
    int ready = poll_set_wait(set, deadline_ns);
    int err = store_events(set, user);
    return err ? err : ready;
}

static long poll_files(struct pollfd __user *user, unsigned count, uint64_t deadline_ns)
{
    struct poll_set set = {.count = count, .always = POLLERR | POLLHUP};

    if (count > fd_limit())
        return -EINVAL;
    set.fds = heap_alloc(max(count, 1u) * sizeof(*set.fds));
    if (!set.fds)
        return -ENOMEM;
    long result = poll_copy(&set, user, deadline_ns);
    heap_free(set.fds);
    return result;
}

SYSCALL3(sys_poll, struct pollfd __user *, user, unsigned, count, int, timeout_ms)
{
    uint64_t deadline_ns =
        timeout_ms < 0 ? UINT64_MAX : clock_monotonic_ns() + timeout_ms * 1000000ul;

    return poll_files(user, count, restart_deadline(deadline_ns));
}

SYSCALL5(sys_ppoll, struct pollfd __user *, user, unsigned, count,
         struct __kernel_timespec __user *, timeout, const uint64_t __user *, mask, size_t,
         mask_size)
{
    uint64_t deadline_ns;
    int err = timeout_deadline(timeout, &deadline_ns);

    if (!err)
        err = poll_mask_set(mask, mask_size);
    if (err)
        return err;
    long result = poll_files(user, count, deadline_ns);
    poll_mask_restore(result);
    timeout_write_left(timeout, deadline_ns);
    return result;
}
