/* Waiting for files: watch all of them, and look at each; if none is ready, sleep until a watch is
   told of an event (sched/poll.h), and look again. Files that are closed meanwhile stay open until
   the wait is over. */

#include <linux/errno.h>
#include <mm/heap.h>
#include <proc/restart.h>
#include <sched/poll.h>
#include <sys/fileargs.h>
#include <vm/usercopy.h>
#include "pollset.h"

/* A file of the set during the wait. */
struct polled {
    struct file *file; /* one reference; NULL: none */
    struct poller_watch watch;
};

/* Stores the events of a file now, out of those requested and those always reported. Returns 1 if
   there are any, or else 0. */
static int look(const struct poll_set *set, size_t i, const struct polled *polled)
{
    struct pollfd *pollfd = &set->fds[i];

    if (polled->file)
        pollfd->revents = file_poll(polled->file) & (pollfd->events | set->always);
    return pollfd->revents != 0;
}

/* Looks at all files again. Returns how many are ready. */
static int look_again(const struct poll_set *set, const struct polled *polled)
{
    int ready = 0;

    for (size_t i = 0; i < set->count; i++)
        ready += look(set, i, &polled[i]);
    return ready;
}

/* Looks at all files for the first time. The files are watched until one is found ready, because
   there is no wait then. Returns how many are ready. */
static int look_first(const struct poll_set *set, struct polled *polled, struct poller *poller)
{
    int ready = 0;

    for (size_t i = 0; i < set->count; i++) {
        struct pollfd *pollfd = &set->fds[i];

        polled[i].file = pollfd->fd < 0 ? NULL : io_file_from_fd(pollfd->fd);
        pollfd->revents = pollfd->fd < 0 || polled[i].file ? 0 : POLLNVAL;
        struct poll_source *source = polled[i].file ? file_poll_source(polled[i].file) : NULL;
        if (source && !ready)
            poller_watch(poller, &polled[i].watch, source, pollfd->events | set->always);
        ready += look(set, i, &polled[i]);
    }
    return ready;
}

static void leave_all(const struct poll_set *set, struct polled *polled)
{
    for (size_t i = 0; i < set->count; i++) {
        if (!polled[i].file)
            continue;
        poller_unwatch(&polled[i].watch);
        file_put(polled[i].file);
    }
}

int poll_set_wait(const struct poll_set *set, uint64_t deadline_ns)
{
    struct polled *polled = heap_alloc_zeroed(max(set->count, 1ul) * sizeof(*polled));
    struct poller poller;
    int err = 0;

    if (!polled)
        return -ENOMEM;
    poller_init(&poller);
    int ready = look_first(set, polled, &poller);
    while (!ready && !err) {
        err = poller_wait(&poller, deadline_ns);
        ready = look_again(set, polled);
    }
    leave_all(set, polled);
    heap_free(polled);
    if (!ready && err == -EINTR)
        restart_keep_deadline(deadline_ns);
    return ready || err == -ETIMEDOUT ? ready : err;
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
