/* The flags of regions: mlock(2), and the advice about fork.

   Nothing is written to a disk yet, so a locked page is no different from others. Locking counts
   bytes, and the caller populates. A child does not inherit locks.

   Lock: the vspace's, for writing. */

#include <linux/errno.h>
#include <lib/panic.h>
#include "vspaces.h"

/* Returns the bytes of [start, end) that are not locked yet. The loop visits each of its regions. */
static uint64_t bytes_to_lock(struct vspace *vspace, uaddr_t start, uaddr_t end)
{
    struct vregion *region = vregion_find_from(&vspace->regions, start);
    uint64_t bytes = 0;

    for (; region && region->start < end; region = vregion_next(region))
        if (!(region->flags & VREGION_LOCKED))
            bytes += min(region->end, end) - max(region->start, start);
    return bytes;
}

/* Changes the flags of [start, end), a part of one region. */
static int change_part(struct vspace *vspace, uaddr_t start, uaddr_t end,
                       const struct flags_change *change)
{
    struct vregion *region = vregion_find(&vspace->regions, start);
    unsigned flags = (region->flags & ~change->clear) | change->set;

    if (vregion_features(region) & change->forbidden)
        return -EINVAL;
    if (flags == region->flags)
        return 0;
    int err = vspace_cut_out(vspace, start, end, VREGIONS_MAX);
    if (err)
        return err;
    region = vregion_find(&vspace->regions, start);
    vspace_count_region(vspace, region, -1);
    vregion_set(region, region->prot, flags);
    vspace_count_region(vspace, region, 1);
    vregion_merge(&vspace->regions, region);
    return 0;
}

static int change_flags(struct vspace *vspace, uaddr_t start, uaddr_t end,
                        const struct flags_change *change)
{
    const struct vspace_account *account = &vspace->account;
    bool has_hole = false;
    int err = 0;

    assert(rwlock_is_write_held(&vspace->lock));
    if (change->set & VREGION_LOCKED &&
        account->locked_bytes + bytes_to_lock(vspace, start, end) > account->limits.locked)
        return -ENOMEM;
    for (uaddr_t at = start, next; at < end && !err; at = next) {
        const struct vregion *region = vregion_find_from(&vspace->regions, at);

        has_hole |= !region || region->start > at;
        if (!region || (has_hole && change->holes_are_fatal))
            break;
        at = max(at, region->start);
        next = min(region->end, end);
        if (at < next)
            err = change_part(vspace, at, next, change);
    }
    return err || !has_hole ? err : -ENOMEM;
}

int vspace_change_flags(struct vspace *vspace, uaddr_t start, uaddr_t end,
                        const struct flags_change *change)
{
    rwlock_write_lock(&vspace->lock);
    int err = change_flags(vspace, start, end, change);
    rwlock_write_unlock(&vspace->lock);
    return err;
}

void vspace_set_new_flags(struct vspace *vspace, unsigned flags)
{
    rwlock_write_lock(&vspace->lock);
    vspace->account.new_flags = flags;
    rwlock_write_unlock(&vspace->lock);
}

/* Locks end, and regions go or lose their pages. The child shares its parent's tables, so that may
   need memory, but no region is cut. */
int vspace_flags_forked(struct vspace *child)
{
    static const struct flags_change unlock = {.clear = VREGION_LOCKED | VREGION_ON_FAULT};
    struct vregion *region;
    int err = 0;

    rwlock_write_lock(&child->lock);
    child->account.new_flags = 0;
    /* This cuts nothing, so it fails for holes only, and they are no matter. */
    (void)change_flags(child, USER_START, USER_END, &unlock);
    for (uaddr_t at = 0; !err && (region = vregion_find_from(&child->regions, at));) {
        uaddr_t start = region->start;

        at = region->end;
        if (region->flags & VREGION_DONTFORK)
            err = vspace_unmap_locked(child, start, at);
        else if (region->flags & VREGION_WIPEONFORK)
            err = vspace_discard_locked(child, start, at, 0);
    }
    rwlock_write_unlock(&child->lock);
    return err;
}
