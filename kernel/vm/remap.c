/* mremap: a region, or a part of one, changes its size or its place.

       shrinks                            the end is unmapped
       grows, and there is room behind    the region is extended
       else                               its entries move to a new region (move.c)

   A move of several regions goes region by region, with the gaps between them. If one of them cannot
   be moved, those before it have been. For one region, as in map.c: first all that can fail, then
   the change. The new region counts in the limits with what it has more than the old one.

   Lock: the vspace's, for writing, over the whole operation. */

#include <linux/errno.h>
#include <lib/panic.h>
#include "vspaces.h"

/* The regions that a move may add: two cuts at each range, and the new one. */
#define MOVE_ADDS 5u

/* Returns a region like the part of `region` from `from` on, at the `len` bytes from `to` on. */
static struct vregion moved_region(const struct vregion *region, uaddr_t from, uaddr_t to,
                                   uint64_t len)
{
    struct vregion like = *region;

    like.start = to;
    like.end = to + len;
    like.kind = region->kind == VREGION_HEAP ? VREGION_MAP : region->kind;
    if (region->pager)
        like.pager_page += (from - region->start) >> PAGE_SHIFT;
    if (region->pager && region->data_end != DATA_FILLS)
        like.data_end = max(region->data_end, from) - from + to;
    return like;
}

/* A region that loses its pages to another is locked no more, as on Linux. */
static void unlock_kept(struct vspace *vspace, struct vregion *region)
{
    vspace_count_region(vspace, region, -1);
    vregion_set(region, region->prot, region->flags & ~(VREGION_LOCKED | VREGION_ON_FAULT));
    vspace_count_region(vspace, region, 1);
}

/* Moves a part of one region to request->to. What the range has beyond its new size goes. -ENOMEM:
   nothing has changed. */
static int move_part(struct vspace *vspace, const struct remap_request *request)
{
    struct pagetable *pt = &vspace->pagetable;
    uaddr_t from = request->from, from_end = from + request->old_len;
    uaddr_t to = request->to, to_end = to + request->new_len;
    const struct move move = {from, to, min(request->old_len, request->new_len)};
    const struct vregion like =
        moved_region(vregion_find(&vspace->regions, from), from, to, request->new_len);
    bool replaces = vregion_overlaps(&vspace->regions, to, to_end);
    bool leaves = request->old_len && !request->keep;
    struct vregion *region = vregion_alloc(&like);
    struct hole hole;

    if (!region)
        return -ENOMEM;
    int err = vspace_cut_out(vspace, to, to_end, VREGIONS_MAX + MOVE_ADDS);
    if (!err && request->old_len)
        err = vspace_cut_out(vspace, from, from_end, VREGIONS_MAX + MOVE_ADDS);
    if (!err && replaces)
        err = pagetable_prepare_protect(pt, to, to_end);
    if (!err && move.len)
        err = pagetable_prepare_move(pt, &move);
    if (!err && leaves) {
        hole = vspace_hole_around(vspace, from, from_end);
        /* The new region will be a neighbour, too. */
        hole.floor = to < from ? max(hole.floor, to_end) : hole.floor;
        hole.ceiling = to > from ? min(hole.ceiling, to) : hole.ceiling;
        err = pagetable_prepare_clear(pt, &hole);
    }
    if (err) {
        vregion_free(region);
    } else {
        if (replaces)
            pagetable_forget(pt, to, to_end, FORGET_ALL);
        vspace_drop_regions(vspace, to, to_end);
        if (move.len)
            pagetable_move(pt, &move);
        if (leaves) {
            pagetable_clear(pt, &hole);
            vspace_drop_regions(vspace, from, from_end);
        }
        vregion_insert(&vspace->regions, region);
        vspace_count_region(vspace, region, 1);
        if (request->keep)
            unlock_kept(vspace, vregion_find(&vspace->regions, from));
    }
    vspace_heal(vspace, from);
    vspace_heal(vspace, from_end);
    vspace_heal(vspace, to);
    vspace_heal(vspace, to_end);
    return err;
}

/* Moves a part of one region, and says in `start` where to. */
static int move_region(struct vspace *vspace, struct remap_request *request, uaddr_t *start)
{
    const struct map_request wish = {
        .start = request->to, .len = request->new_len, .fixed = request->fixed};
    int err = vspace_place(vspace, &wish, start);

    request->to = *start;
    return err ? err : move_part(vspace, request);
}

/* Checks what a region must allow before it grows or moves. -EINVAL: a private region cannot be
   doubled, or the pages of the object would overflow; -EFAULT: the range goes beyond the region;
   -ENOMEM, -EAGAIN: the limits. */
static int check_region(const struct vspace *vspace, const struct vregion *region,
                        const struct remap_request *request)
{
    uint64_t old_len = request->old_len, new_len = request->new_len;
    uint64_t page = vregion_pager_page(region, request->from);

    if (!old_len && !region->shared)
        return -EINVAL;
    if (min(old_len, new_len) > region->end - request->from)
        return -EFAULT;
    if (page + (new_len >> PAGE_SHIFT) < page)
        return -EINVAL;
    struct vregion more = *region;
    if (request->keep)
        more.flags = 0; /* its lock moves with the pages */
    return vspace_check_limits(vspace, &more,
                               request->keep ? new_len : new_len - min(old_len, new_len));
}

/* Moves all regions of a range, which keeps its size, with the gaps between them. On failure, `start`
   is where the region begins that could not be moved. */
static int move_regions(struct vspace *vspace, const struct remap_request *request, uaddr_t *start)
{
    uaddr_t from = request->from, end = from + request->old_len;
    struct vregion *region = vregion_find(&vspace->regions, from);
    int err = region ? 0 : -EFAULT;

    while (!err && from < end && (region = vregion_find_from(&vspace->regions, from)) &&
           region->start < end) {
        struct remap_request part = *request;

        part.from = max(region->start, from);
        from = min(region->end, end);
        part.old_len = part.new_len = from - part.from;
        part.to = part.from - request->from + request->to;
        err = check_region(vspace, region, &part);
        if (!err)
            err = move_region(vspace, &part, start);
        *start = err ? part.from : request->to;
    }
    return err;
}

/* Extends a region to `end` if nothing is behind it. Returns false if there is no room. */
static bool extend(struct vspace *vspace, struct vregion *region, uaddr_t end)
{
    if (end > USER_END || end < region->end || vregion_overlaps(&vspace->regions, region->end, end))
        return false;
    vspace_count_region(vspace, region, -1);
    vregion_resize(region, region->start, end);
    vspace_count_region(vspace, region, 1);
    vregion_merge(&vspace->regions, region);
    return true;
}

static int remap_locked(struct vspace *vspace, struct remap_request *request, uaddr_t *start)
{
    struct vregion *region = vregion_find(&vspace->regions, request->from);
    uaddr_t end = request->from + request->old_len;
    bool moves = request->fixed || request->keep;

    assert(rwlock_is_write_held(&vspace->lock));
    *start = moves ? request->to : request->from;
    if (moves && vspace->regions.count + MOVE_ADDS > VREGIONS_MAX)
        return -ENOMEM;
    if (request->fixed && request->old_len == request->new_len)
        return move_regions(vspace, request, start);
    if (!region)
        return -EFAULT;
    if (!moves && request->new_len == request->old_len)
        return 0;
    int err =
        moves || request->new_len > request->old_len ? check_region(vspace, region, request) : 0;
    if (err)
        return err;
    /* A length that wraps around has escaped the caller's check for an overlap, too. */
    if (end < request->from || end > USER_END)
        return -EINVAL;
    if (!moves && request->new_len < request->old_len)
        return vspace_unmap_locked(vspace, request->from + request->new_len, end);
    if (!moves && end == region->end && extend(vspace, region, request->from + request->new_len))
        return 0;
    if (!request->may_move || vspace->regions.count + MOVE_ADDS > VREGIONS_MAX)
        return -ENOMEM;
    return move_region(vspace, request, start);
}

int vspace_remap(struct vspace *vspace, const struct remap_request *request, uaddr_t *start)
{
    struct remap_request copy = *request;

    rwlock_write_lock(&vspace->lock);
    int err = remap_locked(vspace, &copy, start);
    vspace_check(vspace, 0, USER_END);
    rwlock_write_unlock(&vspace->lock);
    return err;
}
