/* The heap: promises between its start and the break.

   The break counts in bytes, the regions below it in pages: [heap_start, page_ceil(brk)), unless
   the program has unmapped or remapped a part. Growing only promises; shrinking drops pages at
   once. Lock: the vspace's, for writing. */

#include <linux/errno.h>
#include <lib/panic.h>
#include <vm/vspace.h>

/* Moves the break to `brk`. -ENOMEM: nothing has changed. */
static int set_brk(struct vspace *vspace, uaddr_t brk)
{
    uaddr_t before = page_ceil(vspace->account.brk), after, start;
    int err = 0;

    assert(rwlock_is_write_held(&vspace->lock));
    if (brk < vspace->account.heap_start || brk > USER_END)
        return -ENOMEM;
    if (brk - vspace->account.heap_start > vspace->account.limits.data)
        return -ENOMEM;
    after = page_ceil(brk);
    if (after > before) {
        const struct vregion *above = vregion_find_from(&vspace->regions, before);

        if (above && vregion_floor(above) < after)
            return -ENOMEM;
        const struct map_request request = {
            .start = before,
            .len = after - before,
            .prot = PROT_R | PROT_W,
            .kind = VREGION_HEAP,
            .fixed = true,
            .no_replace = true,
        };
        err = vspace_map_locked(vspace, &request, &start);
    } else if (after < before) {
        err = vspace_unmap_locked(vspace, after, before);
    }
    if (err)
        return -ENOMEM;
    assert(vspace->account.heap_start <= brk);
    vspace->account.brk = brk;
    return 0;
}

uaddr_t vspace_brk(struct vspace *vspace, uaddr_t brk)
{
    rwlock_write_lock(&vspace->lock);
    int err = set_brk(vspace, brk);
    uaddr_t result = vspace->account.brk;
    rwlock_write_unlock(&vspace->lock);
    (void)err; /* brk(2) tells a failure by the break that stays */
    return result;
}

int vspace_sbrk(struct vspace *vspace, int64_t delta, uaddr_t *old)
{
    int err = 0;

    rwlock_write_lock(&vspace->lock);
    *old = vspace->account.brk;
    if (delta > 0)
        err = (uint64_t)delta > USER_END - vspace->account.brk
                  ? -ENOMEM
                  : set_brk(vspace, vspace->account.brk + delta);
    else if (-(uint64_t)delta <= vspace->account.brk - vspace->account.heap_start)
        err = set_brk(vspace, vspace->account.brk + delta);
    rwlock_write_unlock(&vspace->lock);
    return err;
}
