/* Populating: pages are faulted in ahead of a program's accesses; and residence, which pages are in
   memory (mincore).

   Lock: the vspace's, for reading, a part of the range at a time. Other threads may unmap what is
   populated meanwhile. */

#include <linux/errno.h>
#include <arch/trap.h>
#include <proc/populate.h>
#include <vm/fault.h>

/* Pages that are populated before the lock is given to others. */
#define POPULATE_AT_ONCE 64

static unsigned populate_access(const struct vregion *region, enum populate how)
{
    if (how == POPULATE_READ || how == POPULATE_WRITE)
        return how == POPULATE_WRITE ? FAULT_WRITE : 0;
    return region->prot & PROT_W && !region->shared ? FAULT_WRITE : 0;
}

static int populate_error(enum fault_outcome outcome)
{
    if (fault_resolved(outcome))
        return 0;
    if (outcome == FAULT_WOULD_WAIT)
        return -EAGAIN;
    if (outcome == FAULT_NO_MEMORY)
        return -ENOMEM;
    return outcome == FAULT_NO_PAGE ? -EFAULT : -EINVAL;
}

/* -EAGAIN: the fault at *at, for `access`, would wait. */
static int populate_locked(struct vspace *vspace, uaddr_t *at, uaddr_t end, enum populate how,
                           unsigned *access)
{
    const struct vregion *region = vregion_find_from(&vspace->regions, *at);
    uaddr_t stop = region ? min(end, region->end) : end;
    int err = 0;

    if (!region || region->start > *at) {
        *at = region ? min(end, region->start) : end;
        return -ENOMEM;
    }
    if (how == POPULATE_LOCKED &&
        (region->flags & (VREGION_LOCKED | VREGION_ON_FAULT)) != VREGION_LOCKED)
        *at = stop;
    if (how == POPULATE_READ && !(region->prot & PROT_R))
        err = -EINVAL; /* the CPU would read it, but Linux asks for the right */
    *access = populate_access(region, how);
    for (unsigned n = 0; *at < stop && !err && n < POPULATE_AT_ONCE; n++) {
        err = populate_error(vspace_fault_locked(vspace, *at, *access));
        *at += err ? 0 : PAGE_SIZE;
    }
    if (err && err != -EAGAIN)
        *at = stop;
    return err;
}

int vspace_populate(struct vspace *vspace, uaddr_t *at, uaddr_t end, enum populate how)
{
    unsigned access;

    rwlock_read_lock(&vspace->lock);
    int err = populate_locked(vspace, at, end, how, &access);
    rwlock_read_unlock(&vspace->lock);
    if (err != -EAGAIN)
        return err;
    err = populate_error(vspace_fault(vspace, *at, access));
    *at += PAGE_SIZE;
    return err;
}

static bool is_resident(struct vspace *vspace, const struct vregion *region, uaddr_t addr)
{
    if (pagetable_walk(&vspace->pagetable, addr).leaf)
        return true;
    struct pager *pager = addr < region->data_end ? region->pager : NULL;
    return pager && pager->ops->has(pager, vregion_pager_page(region, addr));
}

int vspace_residence(struct vspace *vspace, uaddr_t start, size_t npages, uint8_t *vec)
{
    int err = 0;

    rwlock_read_lock(&vspace->lock);
    for (size_t n = 0; n < npages && !err; n++) {
        uaddr_t addr = start + n * PAGE_SIZE;
        const struct vregion *region = vregion_find(&vspace->regions, addr);

        if (region)
            vec[n] = is_resident(vspace, region, addr);
        else
            err = -ENOMEM;
    }
    rwlock_read_unlock(&vspace->lock);
    return err;
}
