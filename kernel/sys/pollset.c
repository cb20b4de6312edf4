/* Waiting for files: look at all of them; if none is ready, sleep until some file anywhere may have
   changed (sched/poll.h), and look again. */

#include <linux/errno.h>
#include <proc/restart.h>
#include <sched/poll.h>
#include <sys/fileargs.h>
#include <vm/usercopy.h>
#include "pollset.h"

/* Returns the events of a file now, out of those requested and those always reported. */
static short ready_events(const struct pollfd *pollfd, unsigned always)
{
    if (pollfd->fd < 0)
        return 0;
    struct file *file = io_file_from_fd(pollfd->fd);
    if (!file)
        return POLLNVAL;
    unsigned events = file_poll(file);
    file_put(file);

    if (events & POLLIN)
        events |= POLLRDNORM;
    if (events & POLLOUT)
        events |= POLLWRNORM;
    return events & (pollfd->events | always);
}

/* Updates the events of all files. Returns how many files are ready. */
static int poll_set_check(const struct poll_set *set)
{
    int ready = 0;

    for (size_t i = 0; i < set->count; i++) {
        set->fds[i].revents = ready_events(&set->fds[i], set->always);
        ready += set->fds[i].revents != 0;
    }
    return ready;
}

int poll_set_wait(const struct poll_set *set, uint64_t deadline_ns)
{
    int ready, err;

    do {
        uint64_t seen = poll_count();

        ready = poll_set_check(set);
        err = ready ? 0 : poll_wait(seen, deadline_ns);
    } while (!ready && !err);
    if (err == -EINTR)
        restart_keep_deadline(deadline_ns);
    return err && err != -ETIMEDOUT ? err : ready;
}

int poll_mask_set(const uint64_t __user *user, size_t size)
{
    uint64_t mask;

    if (!user)
        return 0;
    if (size != sizeof(mask))
        return -EINVAL;
    if (get_user(&mask, user))
        return -EFAULT;
    signal_borrow_mask(mask);
    return 0;
}

void poll_mask_restore(long result)
{
    if (result != -EINTR)
        signal_return_mask();
}
