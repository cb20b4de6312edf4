/* Locked memory: mlock, mlock2, munlock, mlockall, munlockall; what is resident: mincore.

   Nothing is written to a disk yet, so to lock memory is to populate it, and to count it. */

#include <linux/errno.h>
#include <linux/mman.h>
#include <linux/resource.h>
#include <arch/atomic.h>
#include <proc/process.h>
#include <proc/signal.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>
#include "populate.h"

#define LOCK_FLAGS (VREGION_LOCKED | VREGION_ON_FAULT)

static struct vspace *mlock_vspace(void)
{
    return process_current()->vspace;
}

int populate_range(uaddr_t start, uaddr_t end, enum populate how, enum on_error on_error)
{
    int err = 0;

    while (start < end && (!err || on_error == SKIP_ERRORS)) {
        if (signal_is_killed())
            return -EINTR;
        err = vspace_populate(mlock_vspace(), &start, end, how);
    }
    return err;
}

void populate_locked_parts(uaddr_t start, uint64_t len)
{
    /* Only this process itself locks memory, so a look without the lock finds its own. */
    if (atomic_load_relaxed(&mlock_vspace()->account.locked_bytes))
        (void)populate_range(page_floor(start), page_ceil(start + len), POPULATE_LOCKED,
                             SKIP_ERRORS);
}

/* Widens a range to whole pages. -EINVAL: it wraps; -ENOMEM: it is not in the user's half. As on
   Linux, a length that wraps by itself is none. */
static int lock_range(uaddr_t *start, uint64_t len, uaddr_t *end)
{
    uint64_t whole = page_ceil(len + *start % PAGE_SIZE);

    *start = page_floor(*start);
    *end = *start + whole;
    if (whole == 0)
        return 0;
    if (*end < *start)
        return -EINVAL;
    return *end > USER_END ? -ENOMEM : 0;
}

static uint64_t lock_limit(void)
{
    return process_limit(process_current(), RLIMIT_MEMLOCK);
}

/* Locks a range. The errors of populating are those of POSIX. */
static int lock_memory(uaddr_t start, uint64_t len, unsigned flags)
{
    uaddr_t end;

    if (!lock_limit())
        return -EPERM;
    int err = lock_range(&start, len, &end);
    if (err && end - start > lock_limit())
        return -ENOMEM;
    if (err || start == end)
        return err;
    const struct flags_change change = {.clear = LOCK_FLAGS, .set = flags, .holes_are_fatal = true};
    err = vspace_change_flags(mlock_vspace(), start, end, &change);
    if (err)
        return err;
    err = populate_range(start, end, POPULATE_LOCKED, STOP_ON_ERROR);
    if (err == -ENOMEM)
        return -EAGAIN;
    return err && err != -EINTR ? -ENOMEM : err;
}

SYSCALL2(sys_mlock, uaddr_t, start, uint64_t, len)
{
    return lock_memory(start, len, VREGION_LOCKED);
}

SYSCALL3(sys_mlock2, uaddr_t, start, uint64_t, len, unsigned, flags)
{
    if (flags & ~MLOCK_ONFAULT)
        return -EINVAL;
    return lock_memory(start, len, flags ? LOCK_FLAGS : VREGION_LOCKED);
}

SYSCALL2(sys_munlock, uaddr_t, start, uint64_t, len)
{
    static const struct flags_change change = {.clear = LOCK_FLAGS, .holes_are_fatal = true};
    uaddr_t end;
    int err = lock_range(&start, len, &end);

    return err || start == end ? err : vspace_change_flags(mlock_vspace(), start, end, &change);
}

/* Changes the flags of all regions. Their holes are no error. */
static int lock_all(unsigned flags)
{
    const struct flags_change change = {.clear = LOCK_FLAGS, .set = flags};
    struct vspace *vspace = mlock_vspace();

    if (flags && atomic_load_relaxed(&vspace->account.mapped_bytes) > lock_limit())
        return -ENOMEM;
    /* This cuts no region, so it fails for holes only. */
    int err = vspace_change_flags(vspace, USER_START, USER_END, &change);
    return err == -ENOMEM ? 0 : err;
}

SYSCALL1(sys_mlockall, unsigned, flags)
{
    unsigned set = flags & MCL_ONFAULT ? LOCK_FLAGS : VREGION_LOCKED;

    if (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) || !(flags & (MCL_CURRENT | MCL_FUTURE)))
        return -EINVAL;
    if (!lock_limit())
        return -EPERM;
    int err = flags & MCL_CURRENT ? lock_all(set) : 0;
    if (err)
        return err;
    vspace_set_new_flags(mlock_vspace(), flags & MCL_FUTURE ? set : 0);
    if (flags & MCL_CURRENT)
        populate_locked_parts(USER_START, USER_END - USER_START);
    return 0;
}

SYSCALL0(sys_munlockall)
{
    vspace_set_new_flags(mlock_vspace(), 0);
    return lock_all(0);
}

/* The answers that are copied at once. */
#define RESIDENCE_PAGES 256u

SYSCALL3(sys_mincore, uaddr_t, start, uint64_t, len, uint8_t __user *, vec)
{
    uint8_t part[RESIDENCE_PAGES];
    uint64_t npages = len / PAGE_SIZE + (len % PAGE_SIZE != 0);

    if (start % PAGE_SIZE)
        return -EINVAL;
    if (start > USER_END || len > USER_END - start)
        return -ENOMEM;
    if (!user_access_ok(vec, npages))
        return -EFAULT;
    for (uint64_t done = 0, count; done < npages; done += count) {
        count = min(npages - done, (uint64_t)RESIDENCE_PAGES);
        int err = vspace_residence(mlock_vspace(), start + done * PAGE_SIZE, count, part);
        if (err)
            return err;
        if (copy_to_user(vec + done, part, count))
            return -EFAULT;
    }
    return 0;
}
