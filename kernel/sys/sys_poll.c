/* poll(2): looks at all files; if none is ready, waits until something has happened to some file,
   and looks again (dev/event.h). */
#include <linux/errno.h>
#include <linux/poll.h>
#include <arch/clock.h>
#include <dev/event.h>
#include <mm/heap.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

/* What is true of one file now, of what is asked for and of what is always told. */
static short ready_events(const struct pollfd *pollfd)
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
    return events & (pollfd->events | POLLERR | POLLHUP);
}

/* How many of the files are ready. */
static int look(struct pollfd *fds, size_t count)
{
    int ready = 0;

    for (size_t i = 0; i < count; i++) {
        fds[i].revents = ready_events(&fds[i]);
        ready += fds[i].revents != 0;
    }
    return ready;
}

/* How many are ready at last; 0 at the deadline; -EINTR. */
static int wait_until_ready(struct pollfd *fds, size_t count, uint64_t deadline_ns)
{
    int ready, err;

    do {
        uint64_t seen = event_count();

        ready = look(fds, count);
        err = ready ? 0 : event_wait(seen, deadline_ns);
    } while (!ready && !err);
    return err && err != -ETIMEDOUT ? err : ready;
}

static uint64_t deadline_after_ms(int ms)
{
    return ms < 0 ? UINT64_MAX : clock_monotonic_ns() + ms * 1000000ul;
}

/* Works on a copy of the user's array. */
static long poll_copy(struct pollfd *fds, struct pollfd __user *user, size_t count, int timeout_ms)
{
    uint64_t deadline_ns = signal_resumed_deadline(deadline_after_ms(timeout_ms));

    if (copy_from_user(fds, user, count * sizeof(*fds)))
        return -EFAULT;
    int ready = wait_until_ready(fds, count, deadline_ns);
    if (ready == -EINTR)
        signal_keep_deadline(deadline_ns);
    if (ready >= 0 && copy_to_user(user, fds, count * sizeof(*fds)))
        return -EFAULT;
    return ready;
}

SYSCALL3(poll, struct pollfd __user *, user, unsigned, count, int, timeout_ms)
{
    if (count > fd_limit())
        return -EINVAL;
    struct pollfd *fds = heap_alloc(max(count, 1u) * sizeof(*fds));
    if (!fds)
        return -ENOMEM;
    long result = poll_copy(fds, user, count, timeout_ms);
    heap_free(fds);
    return result;
}
