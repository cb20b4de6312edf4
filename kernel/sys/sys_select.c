/* select(2) and pselect6(2): a select is a poll of the files that its three sets name. */

#include <linux/errno.h>
#include <linux/posix_types.h>
#include <mm/heap.h>
#include <sys/convert.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <sys/timeout.h>
#include <vm/usercopy.h>
#include "pollset.h"

/* The three sets: the events that make a file ready in each of them. */
#define NSETS 3
static const unsigned set_events[NSETS] = {
    POLLIN | POLLRDNORM | POLLHUP | POLLERR,
    POLLOUT | POLLWRNORM | POLLERR,
    POLLPRI,
};

#define WORD_BITS 64

/* The sets of one call, each a bitmap with one bit for each descriptor. */
struct selection {
    uint64_t __user *user[NSETS]; /* NULL: empty */
    uint64_t *words[NSETS];       /* copies; all in one allocation, which the first begins */
    size_t nwords;                /* of each bitmap */
};

static bool bit_of(const uint64_t *words, unsigned fd)
{
    return words[fd / WORD_BITS] & (1ul << fd % WORD_BITS);
}

static int fetch_sets(struct selection *selection)
{
    size_t size = selection->nwords * sizeof(uint64_t);

    for (unsigned n = 0; n < NSETS; n++)
        if (selection->user[n] && copy_from_user(selection->words[n], selection->user[n], size))
            return -EFAULT;
    return 0;
}

static int store_sets(const struct selection *selection)
{
    size_t size = selection->nwords * sizeof(uint64_t);

    for (unsigned n = 0; n < NSETS; n++)
        if (selection->user[n] && copy_to_user(selection->user[n], selection->words[n], size))
            return -EFAULT;
    return 0;
}

/* Adds the files below `limit` that a set names to `set`, whose `fds` has room for `limit`. */
static void collect_files(const struct selection *selection, unsigned limit, struct poll_set *set)
{
    for (unsigned fd = 0; fd < limit; fd++) {
        unsigned events = 0;

        for (unsigned n = 0; n < NSETS; n++)
            events |= bit_of(selection->words[n], fd) ? set_events[n] : 0;
        if (events)
            set->fds[set->count++] = (struct pollfd){.fd = fd, .events = events};
    }
}

/* Clears the bits of one file in the sets for which it is not ready. Returns how many stay set. */
static int keep_ready(const struct selection *selection, const struct pollfd *pollfd)
{
    int ready = 0;

    for (unsigned n = 0; n < NSETS; n++) {
        if (!bit_of(selection->words[n], pollfd->fd))
            continue;
        if (pollfd->revents & set_events[n])
            ready++;
        else
            selection->words[n][pollfd->fd / WORD_BITS] &= ~(1ul << pollfd->fd % WORD_BITS);
    }
    return ready;
}

/* Waits, and stores the sets of ready files for the user. Returns the number of bits that are set
   in them; -EBADF, -EINTR, -EFAULT. */
static long select_collected(const struct selection *selection, const struct poll_set *set,
                             uint64_t deadline_ns)
{
    int ready = 0, err = poll_set_wait(set, deadline_ns);

    if (err < 0)
        return err;
    for (size_t i = 0; i < set->count; i++) {
        if (set->fds[i].revents & POLLNVAL)
            return -EBADF;
        ready += keep_ready(selection, &set->fds[i]);
    }
    err = store_sets(selection);
    return err ? err : ready;
}

static long select_fetched(struct selection *selection, unsigned limit, uint64_t deadline_ns)
{
    struct poll_set set = {.fds = heap_alloc(max(limit, 1u) * sizeof(*set.fds))};

    if (!set.fds)
        return -ENOMEM;
    int err = fetch_sets(selection);
    if (!err)
        collect_files(selection, limit, &set);
    long result = err ? err : select_collected(selection, &set, deadline_ns);
    heap_free(set.fds);
    return result;
}

/* Looks at the files below `wanted`. No file is at or above the end of the descriptor table, so the
   bitmaps need not be longer. As on Linux they hold at least one word, so that a low descriptor
   without a file is an error. */
static long select_files(int wanted, __kernel_fd_set __user *const sets[NSETS],
                         uint64_t deadline_ns)
{
    struct selection selection;

    if (wanted < 0)
        return -EINVAL;
    unsigned end = max(fdtable_end(task_current()->files), (unsigned)WORD_BITS);
    unsigned limit = min((unsigned)wanted, end);
    selection.nwords = ((size_t)limit + WORD_BITS - 1) / WORD_BITS;
    uint64_t *words = heap_alloc_zeroed(max(NSETS * selection.nwords, 1ul) * sizeof(*words));
    if (!words)
        return -ENOMEM;
    for (unsigned n = 0; n < NSETS; n++) {
        selection.user[n] = (uint64_t __user *)sets[n];
        selection.words[n] = words + n * selection.nwords;
    }
    long result = select_fetched(&selection, limit, deadline_ns);
    heap_free(words);
    return result;
}

/* Computes a deadline as timeout_deadline does; a second or more in tv_usec is valid here. */
static int timeval_deadline(const struct __kernel_old_timeval __user *timeout,
                            uint64_t *deadline_ns)
{
    struct __kernel_old_timeval time;
    struct __kernel_timespec spec;

    if (timeout && get_user(&time, timeout))
        return -EFAULT;
    if (timeout)
        spec = (struct __kernel_timespec){
            .tv_sec = (uint64_t)time.tv_sec + time.tv_usec / 1000000,
            .tv_nsec = time.tv_usec % 1000000 * 1000,
        };
    return timespec_deadline(timeout ? &spec : NULL, deadline_ns);
}

SYSCALL5(sys_select, int, limit, __kernel_fd_set __user *, in, __kernel_fd_set __user *, out,
         __kernel_fd_set __user *, except, struct __kernel_old_timeval __user *, timeout)
{
    uint64_t deadline_ns;
    int err = timeval_deadline(timeout, &deadline_ns);

    if (err)
        return err;
    long result =
        select_files(limit, (__kernel_fd_set __user *const[]){in, out, except}, deadline_ns);
    const struct __kernel_old_timeval left = timeval_from_ns(timeout_left_ns(deadline_ns));
    if (timeout)
        (void)!put_user(timeout, &left);
    return result;
}

/* The target of pselect6's sixth argument; a system call has no seventh. */
struct mask_arg {
    uaddr_t mask;
    size_t size;
};

SYSCALL6(sys_pselect6, int, limit, __kernel_fd_set __user *, in, __kernel_fd_set __user *, out,
         __kernel_fd_set __user *, except, struct __kernel_timespec __user *, timeout,
         const struct mask_arg __user *, mask_arg)
{
    struct mask_arg mask = {0};
    uint64_t deadline_ns;

    if (mask_arg && get_user(&mask, mask_arg))
        return -EFAULT;
    int err = timeout_deadline(timeout, &deadline_ns);
    if (!err)
        err = poll_mask_set((const uint64_t __user *)mask.mask, mask.size);
    if (err)
        return err;
    long result =
        select_files(limit, (__kernel_fd_set __user *const[]){in, out, except}, deadline_ns);
    poll_mask_restore(result);
    timeout_write_left(timeout, deadline_ns);
    return result;
}
