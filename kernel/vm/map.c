/* Changing what a vspace promises: map, unmap, protect; and forgetting what was kept of it: discard.

   Each operation has three steps: first everything that can fail (limits, region structures, tables that must become
   mine), then the change, which cannot; then neighbours are merged. So a failure changes nothing.

   Regions are only ever cut at the two ends of a range, by splitting them there; a cut that turns out to be in vain is
   healed by merging. Lock: the vspace's, for writing, over the whole operation. */

#include <linux/errno.h>
#include <lib/panic.h>
#include <vm/vspace.h>

/* Whether a region weighs against RLIMIT_DATA if it has the rights `prot`. */
static bool is_data(const struct vregion *region, unsigned prot)
{
    return !region->shared && (prot & PROT_W) && region->kind != VREGION_STACK;
}

/* Adds (sign 1) or takes away (-1) what a region weighs against the limits. */
static void account(struct vspace *vspace, const struct vregion *region, int sign)
{
    vspace->mapped_bytes += sign * vregion_len(region);
    vspace->mapped_peak = max(vspace->mapped_peak, vspace->mapped_bytes);
    if (is_data(region, region->prot))
        vspace->data_bytes += sign * vregion_len(region);
}

/* Cuts the region that holds `addr`, if any, so that one begins there. -ENOMEM. */
static int cut_at(struct vspace *vspace, uaddr_t addr)
{
    struct vregion *region = vregion_find(&vspace->regions, addr);

    if (!region || region->start == addr)
        return 0;
    struct vregion *upper = vregion_alloc(region);
    if (!upper)
        return -ENOMEM;
    vregion_split(&vspace->regions, region, addr, upper);
    return 0;
}

/* Joins what can be joined at `addr`. */
static void heal_at(struct vspace *vspace, uaddr_t addr)
{
    struct vregion *region = vregion_find(&vspace->regions, addr);

    if (region)
        vregion_merge(&vspace->regions, region);
}

/* Makes [start, end) begin and end with a region's border. -ENOMEM: nothing has changed. */
static int cut_out(struct vspace *vspace, uaddr_t start, uaddr_t end)
{
    int err = cut_at(vspace, start);

    if (!err)
        err = cut_at(vspace, end);
    if (err)
        heal_at(vspace, start);
    return err;
}

/* The hole that taking [start, end) away will leave: between what stays below and above. */
static void find_hole(struct vspace *vspace, uaddr_t start, uaddr_t end, uaddr_t *floor,
                      uaddr_t *ceiling)
{
    struct vregion *above = vregion_find_from(&vspace->regions, end);
    struct vregion *below = vregion_find_from(&vspace->regions, start);

    below = below ? vregion_prev(below) : vregion_last(&vspace->regions);
    *floor = below ? below->end : 0;
    *ceiling = above ? above->start : USER_END + PAGE_SIZE;
}

int vspace_unmap_locked(struct vspace *vspace, uaddr_t start, uaddr_t end)
{
    struct pagetable *pt = &vspace->pagetable;
    struct vregion *region;
    uaddr_t floor, ceiling;

    if (!vregion_overlaps(&vspace->regions, start, end))
        return 0;
    int err = cut_out(vspace, start, end);
    if (err)
        return err;
    find_hole(vspace, start, end, &floor, &ceiling);
    err = pagetable_prepare_clear(pt, start, end, floor, ceiling);
    if (err) {
        heal_at(vspace, start);
        heal_at(vspace, end);
        return err;
    }
    pagetable_clear(pt, start, end, floor, ceiling);
    while ((region = vregion_find_from(&vspace->regions, start)) && region->start < end) {
        account(vspace, region, -1);
        vregion_remove(&vspace->regions, region);
        vregion_free(region);
    }
    return 0;
}

int vspace_unmap(struct vspace *vspace, uaddr_t start, uaddr_t end)
{
    rwlock_write_lock(&vspace->lock);
    int err = vspace_unmap_locked(vspace, start, end);
    rwlock_write_unlock(&vspace->lock);
    return err;
}

/* Whether [start, start + len) is all in the user's half, and not in the guard below the stack. */
static bool may_map_at(const struct vspace *vspace, uaddr_t start, uint64_t len)
{
    if (start < USER_START || start >= USER_END || len > USER_END - start)
        return false;
    return !vspace->stack_start || start >= vspace->stack_start ||
           start + len <= vspace->stack_start - STACK_GUARD_SIZE;
}

static uaddr_t mmap_top(const struct vspace *vspace)
{
    return vspace->stack_start ? vspace->stack_start - STACK_GUARD_SIZE : USER_END;
}

/* Where the request goes. -ENOMEM: no room; -EEXIST. */
static int place(struct vspace *vspace, const struct map_request *request, uaddr_t *start)
{
    bool fits = request->start && may_map_at(vspace, request->start, request->len);
    bool taken =
        fits && vregion_overlaps(&vspace->regions, request->start, request->start + request->len);

    *start = request->start;
    if (request->fixed) {
        if (!fits)
            return -ENOMEM;
        return taken && request->no_replace ? -EEXIST : 0;
    }
    if (!fits || taken)
        *start = vregion_find_gap(&vspace->regions, request->len, mmap_top(vspace));
    return *start ? 0 : -ENOMEM;
}

/* Whether the limits leave room for the region; what it replaces is not taken into account, as in Linux. */
static bool within_limits(const struct vspace *vspace, const struct vregion *region)
{
    const struct vspace_limits *limits = &vspace->limits;
    uint64_t len = vregion_len(region);

    if (len > limits->space || vspace->mapped_bytes > limits->space - len)
        return false;
    return !is_data(region, region->prot) ||
           (len <= limits->data && vspace->data_bytes <= limits->data - len);
}

int vspace_map_locked(struct vspace *vspace, const struct map_request *request, uaddr_t *start)
{
    int err = place(vspace, request, start);

    if (err)
        return err;
    struct vregion like = {
        .start = *start,
        .end = *start + request->len,
        .prot = request->prot,
        .kind = request->kind,
        .shared = request->shared,
        .pager = request->pager,
        .pager_page = request->pager_page,
        .data_end =
            request->pager && !request->data_end ? *start + request->len : request->data_end,
    };
    if (!within_limits(vspace, &like))
        return -ENOMEM;
    struct vregion *region = vregion_alloc(&like);
    if (!region)
        return -ENOMEM;
    err = vspace_unmap_locked(vspace, like.start, like.end);
    if (err) {
        vregion_free(region);
        return err;
    }
    vregion_insert(&vspace->regions, region);
    account(vspace, region, 1);
    vregion_merge(&vspace->regions, region);
    return 0;
}

int vspace_map(struct vspace *vspace, const struct map_request *request, uaddr_t *start)
{
    rwlock_write_lock(&vspace->lock);
    int err = vspace_map_locked(vspace, request, start);
    rwlock_write_unlock(&vspace->lock);
    return err;
}

/* Whether every page of [start, end) has a region. */
static bool is_covered(struct vspace *vspace, uaddr_t start, uaddr_t end)
{
    const struct vregion *region;

    for (uaddr_t addr = start; addr < end; addr = region->end) {
        region = vregion_find(&vspace->regions, addr);
        if (!region)
            return false;
    }
    return true;
}

static int discard_locked(struct vspace *vspace, uaddr_t start, uaddr_t end)
{
    struct pagetable *pt = &vspace->pagetable;

    /* Of the tables, only those that show nothing else go. */
    int err = pagetable_prepare_clear(pt, start, end, start, end);
    if (err)
        return err;
    pagetable_clear(pt, start, end, start, end);
    return is_covered(vspace, start, end) ? 0 : -ENOMEM;
}

int vspace_discard(struct vspace *vspace, uaddr_t start, uaddr_t end)
{
    rwlock_write_lock(&vspace->lock);
    int err = discard_locked(vspace, start, end);
    rwlock_write_unlock(&vspace->lock);
    return err;
}

int vspace_check_mapped(struct vspace *vspace, uaddr_t start, uaddr_t end)
{
    rwlock_read_lock(&vspace->lock);
    bool covered = is_covered(vspace, start, end);
    rwlock_read_unlock(&vspace->lock);
    return covered ? 0 : -ENOMEM;
}

/* Gives [start, end), which begins and ends with regions, the rights `prot`. */
static void set_prot(struct vspace *vspace, uaddr_t start, uaddr_t end, unsigned prot)
{
    struct vregion *region = vregion_find(&vspace->regions, start);

    for (; region && region->start < end; region = vregion_next(region)) {
        account(vspace, region, -1);
        region->prot = prot;
        account(vspace, region, 1);
    }
    for (region = vregion_find(&vspace->regions, start); region && region->start <= end;
         region = vregion_next(region))
        region = vregion_merge(&vspace->regions, region);
}

/* Whether RLIMIT_DATA leaves room for what becomes data by having the rights `prot`. */
static bool may_protect(struct vspace *vspace, uaddr_t start, uaddr_t end, unsigned prot)
{
    struct vregion *region = vregion_find(&vspace->regions, start);
    uint64_t more = 0;

    for (; region && region->start < end; region = vregion_next(region))
        if (is_data(region, prot) && !is_data(region, region->prot))
            more += min(region->end, end) - max(region->start, start);
    return !more ||
           (more <= vspace->limits.data && vspace->data_bytes <= vspace->limits.data - more);
}

static int protect_locked(struct vspace *vspace, uaddr_t start, uaddr_t end, unsigned prot)
{
    if (!is_covered(vspace, start, end) || !may_protect(vspace, start, end, prot))
        return -ENOMEM;
    int err = cut_out(vspace, start, end);
    if (!err)
        err = pagetable_prepare_protect(&vspace->pagetable, start, end);
    if (err) {
        heal_at(vspace, start);
        heal_at(vspace, end);
        return err;
    }
    set_prot(vspace, start, end, prot);
    pagetable_protect(&vspace->pagetable, start, end, prot);
    return 0;
}

int vspace_protect(struct vspace *vspace, uaddr_t start, uaddr_t end, unsigned prot)
{
    rwlock_write_lock(&vspace->lock);
    int err = protect_locked(vspace, start, end, prot);
    rwlock_write_unlock(&vspace->lock);
    return err;
}
