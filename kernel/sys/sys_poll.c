/* poll(2), select(2) and their relatives: look at all files; if none is ready, wait until something has happened to some
   file, and look again (sched/poll.h). A select is a poll of the files that its sets name. */
#include <linux/errno.h>
#include <linux/poll.h>
#include <linux/posix_types.h>
#include <arch/clock.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <sched/poll.h>
#include <sys/convert.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

/* ---- Looking and waiting ---- */

/* What poll tells of a file even if nobody has asked. */
#define POLL_ALWAYS (POLLERR | POLLHUP)

struct poll_set {
    struct pollfd *fds; /* on the heap */
    size_t count;
    unsigned always; /* events that are told of all, besides POLLNVAL */
};

/* What is true of one file now, of what is asked for and of what is always told. */
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

/* How many of the files are ready. */
static int look(const struct poll_set *set)
{
    int ready = 0;

    for (size_t i = 0; i < set->count; i++) {
        set->fds[i].revents = ready_events(&set->fds[i], set->always);
        ready += set->fds[i].revents != 0;
    }
    return ready;
}

/* How many are ready at last; 0 at the deadline; -EINTR. */
static int wait_until_ready(const struct poll_set *set, uint64_t deadline_ns)
{
    int ready, err;

    do {
        uint64_t seen = poll_count();

        ready = look(set);
        err = ready ? 0 : poll_wait(seen, deadline_ns);
    } while (!ready && !err);
    if (err == -EINTR)
        signal_keep_deadline(deadline_ns);
    return err && err != -ETIMEDOUT ? err : ready;
}

/* ---- The mask of ppoll and pselect6 ---- */

/* NULL: it stays. -EINVAL, -EFAULT. */
static int borrow_mask(const uint64_t __user *user, size_t size)
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

static void return_mask(long result)
{
    if (result != -EINTR)
        signal_return_mask();
}

/* What is left of the time goes back into `timeout`; that this fails is no error, as on Linux. */
static void write_left(struct __kernel_timespec __user *timeout, uint64_t deadline_ns)
{
    const struct __kernel_timespec left = timespec_from_ns(timeout_left_ns(deadline_ns));

    if (timeout)
        (void)!put_user(timeout, &left);
}

/* ---- poll ---- */

/* Works on a copy of the user's array. */
static long poll_copy(const struct poll_set *set, struct pollfd __user *user, uint64_t deadline_ns)
{
    size_t size = set->count * sizeof(*set->fds);

    if (copy_from_user(set->fds, user, size))
        return -EFAULT;
    int ready = wait_until_ready(set, deadline_ns);
    if (ready >= 0 && copy_to_user(user, set->fds, size))
        return -EFAULT;
    return ready;
}

static long poll_files(struct pollfd __user *user, unsigned count, uint64_t deadline_ns)
{
    struct poll_set set = {.count = count, .always = POLL_ALWAYS};

    if (count > fd_limit())
        return -EINVAL;
    set.fds = heap_alloc(max(count, 1u) * sizeof(*set.fds));
    if (!set.fds)
        return -ENOMEM;
    long result = poll_copy(&set, user, deadline_ns);
    heap_free(set.fds);
    return result;
}

static uint64_t deadline_after_ms(int ms)
{
    return ms < 0 ? UINT64_MAX : clock_monotonic_ns() + ms * 1000000ul;
}

SYSCALL3(sys_poll, struct pollfd __user *, user, unsigned, count, int, timeout_ms)
{
    return poll_files(user, count, signal_resumed_deadline(deadline_after_ms(timeout_ms)));
}

SYSCALL5(sys_ppoll, struct pollfd __user *, user, unsigned, count,
         struct __kernel_timespec __user *, timeout, const uint64_t __user *, mask, size_t,
         mask_size)
{
    uint64_t deadline_ns;
    int err = timeout_deadline(timeout, &deadline_ns);

    if (!err)
        err = borrow_mask(mask, mask_size);
    if (err)
        return err;
    long result = poll_files(user, count, deadline_ns);
    return_mask(result);
    write_left(timeout, deadline_ns);
    return result;
}

/* ---- select ---- */

/* The three sets: what is asked of a file, and which events are the answer. */
#define NSETS 3
static const unsigned set_events[NSETS] = {
    POLLIN | POLLRDNORM | POLLHUP | POLLERR,
    POLLOUT | POLLWRNORM | POLLERR,
    POLLPRI,
};

#define WORD_BITS 64

/* One call's sets, as bits of words. */
struct selection {
    uint64_t __user *user[NSETS]; /* NULL: empty */
    uint64_t *words[NSETS];       /* on the heap, in one piece that begins with the first */
    size_t nwords;                /* of each */
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

static unsigned events_asked(const struct selection *selection, unsigned fd)
{
    unsigned events = 0;

    for (unsigned n = 0; n < NSETS; n++)
        events |= bit_of(selection->words[n], fd) ? set_events[n] : 0;
    return events;
}

/* The files that a set below `limit` names; `set->fds` has room for as many. */
static void collect(const struct selection *selection, unsigned limit, struct poll_set *set)
{
    for (unsigned fd = 0; fd < limit; fd++) {
        unsigned events = events_asked(selection, fd);

        if (events)
            set->fds[set->count++] = (struct pollfd){.fd = fd, .events = events};
    }
}

/* Keeps the bits of one file that are true: how many. */
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

/* How many bits are true at last, in the words and the user's sets. -EBADF, -EINTR, -EFAULT. */
static long select_collected(const struct selection *selection, const struct poll_set *set,
                             uint64_t deadline_ns)
{
    int ready = 0, err = wait_until_ready(set, deadline_ns);

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
        collect(selection, limit, &set);
    long result = err ? err : select_collected(selection, &set, deadline_ns);
    heap_free(set.fds);
    return result;
}

/* What a select's limit may be at most: no file can be behind the end of the table. As on Linux there are a word's worth
   of numbers at least, so that a low one that has no file is an error. */
static unsigned max_limit(void)
{
    return max(fdtable_end(process_current()->files), (unsigned)WORD_BITS);
}

/* `wanted`: files with this number and above are not looked at. */
static long select_files(int wanted, __kernel_fd_set __user *const sets[NSETS],
                         uint64_t deadline_ns)
{
    struct selection selection;

    if (wanted < 0)
        return -EINVAL;
    unsigned limit = min((unsigned)wanted, max_limit());
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

/* Like timeout_deadline, but a microsecond too many is no error. */
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

/* What pselect6's sixth argument points to, since there is no seventh. */
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
        err = borrow_mask((const uint64_t __user *)mask.mask, mask.size);
    if (err)
        return err;
    long result =
        select_files(limit, (__kernel_fd_set __user *const[]){in, out, except}, deadline_ns);
    return_mask(result);
    write_left(timeout, deadline_ns);
    return result;
}
