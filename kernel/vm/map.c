/* Changing what a vspace promises: map, unmap, protect; and dropping pages: discard.

   First comes everything that can fail (limits, region structures, tables that must become mine),
   then the change, which cannot fail; map and protect merge neighbours at the end. So a failure
   changes nothing. Two operations do a part and still return an error: discard drops the pages on
   both sides of a hole, and protect changes what lies before a hole.

   Regions are only ever cut at the two ends of a range, by splitting them there; a cut that turns
   out to be in vain is healed by merging. Lock: the vspace's, for writing, over the whole
   operation. */

#include <linux/errno.h>
#include <lib/panic.h>
#include "vspaces.h"

/* Returns true if a region counts towards RLIMIT_DATA with the rights `prot`. */
static bool is_data(const struct vregion *region, unsigned prot)
{
    return !region->shared && (prot & PROT_W) && region->kind != VREGION_STACK;
}

void vspace_count_region(struct vspace *vspace, const struct vregion *region, int sign)
{
    assert(rwlock_is_write_held(&vspace->lock));
    assert(sign > 0 || vspace->account.mapped_bytes >= vregion_len(region));
    vspace->account.mapped_bytes += sign * vregion_len(region);
    vspace->account.mapped_peak = max(vspace->account.mapped_peak, vspace->account.mapped_bytes);
    if (is_data(region, region->prot))
        vspace->account.data_bytes += sign * vregion_len(region);
    if (region->flags & VREGION_LOCKED)
        vspace->account.locked_bytes += sign * vregion_len(region);
}

/* Cuts the region that holds `addr`, if any, so that a region begins there. -ENOMEM. */
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

void vspace_heal(struct vspace *vspace, uaddr_t addr)
{
    struct vregion *region = vregion_find(&vspace->regions, addr);

    if (region)
        vregion_merge(&vspace->regions, region);
}

/* Returns 1 if `addr` lies inside a region, which must be cut there. */
static unsigned cuts_at(struct vspace *vspace, uaddr_t addr)
{
    const struct vregion *region = vregion_find(&vspace->regions, addr);

    return region && region->start < addr;
}

int vspace_cut_out(struct vspace *vspace, uaddr_t start, uaddr_t end, unsigned most)
{
    if (vspace->regions.count + cuts_at(vspace, start) + cuts_at(vspace, end) > most)
        return -ENOMEM;
    int err = cut_at(vspace, start);

    if (!err)
        err = cut_at(vspace, end);
    if (err)
        vspace_heal(vspace, start);
    return err;
}

struct hole vspace_hole_around(struct vspace *vspace, uaddr_t start, uaddr_t end)
{
    const struct vregion *below = vregion_find_below(&vspace->regions, start);
    const struct vregion *above = vregion_find_from(&vspace->regions, end);

    return (struct hole){
        .start = start,
        .end = end,
        .floor = below ? below->end : 0,
        .ceiling = above ? above->start : USER_END + PAGE_SIZE,
    };
}

static void check_range(const struct vspace *vspace, uaddr_t start, uaddr_t end)
{
    assert(rwlock_is_write_held(&vspace->lock));
    assert(start < end && end <= USER_END && !((start | end) % PAGE_SIZE));
}

void vspace_drop_regions(struct vspace *vspace, uaddr_t start, uaddr_t end)
{
    struct vregion *region;

    while ((region = vregion_find_from(&vspace->regions, start)) && region->start < end) {
        vspace_count_region(vspace, region, -1);
        vregion_remove(&vspace->regions, region);
        vregion_free(region);
    }
}

int vspace_unmap_locked(struct vspace *vspace, uaddr_t start, uaddr_t end)
{
    check_range(vspace, start, end);
    if (!vregion_overlaps(&vspace->regions, start, end))
        return 0;
    /* As on Linux, one region more is no matter if one is about to go. */
    int err = vspace_cut_out(vspace, start, end, VREGIONS_MAX + 1);
    if (err)
        return err;
    const struct hole hole = vspace_hole_around(vspace, start, end);
    err = pagetable_prepare_clear(&vspace->pagetable, &hole);
    if (err) {
        vspace_heal(vspace, start);
        vspace_heal(vspace, end);
        return err;
    }
    pagetable_clear(&vspace->pagetable, &hole);
    vspace_drop_regions(vspace, start, end);
    vspace_check(vspace, start, end);
    return 0;
}

int vspace_unmap(struct vspace *vspace, uaddr_t start, uaddr_t end)
{
    rwlock_write_lock(&vspace->lock);
    int err = vspace_unmap_locked(vspace, start, end);
    rwlock_write_unlock(&vspace->lock);
    return err;
}

/* Returns true if [start, start + len) lies in the user's half. */
static bool is_user_range(uaddr_t start, uint64_t len)
{
    return start >= USER_START && start < USER_END && len <= USER_END - start;
}

/* Returns true if [start, end) is free, and outside the guard of a stack. */
static bool is_free(struct vspace *vspace, uaddr_t start, uaddr_t end)
{
    const struct vregion *region = vregion_find_from(&vspace->regions, start);

    return !region || vregion_floor(region) >= end;
}

/* Where `low` mappings go, as on Linux: an address there fits into 31 bits. */
#define LOW_START 0x40000000ul
#define LOW_END   0x80000000ul

/* Returns the start of the highest room for the request, below mmap_top if there is any; 0: there
   is none. */
static uaddr_t find_room(struct vspace *vspace, const struct map_request *request)
{
    if (request->low) {
        uaddr_t found = vregion_find_gap(&vspace->regions, request->len, LOW_END);
        return found >= LOW_START ? found : 0;
    }
    uaddr_t top = vspace->account.mmap_top;
    uaddr_t found = top ? vregion_find_gap(&vspace->regions, request->len, top) : 0;
    return found ? found : vregion_find_gap(&vspace->regions, request->len, USER_END);
}

int vspace_place(struct vspace *vspace, const struct map_request *request, uaddr_t *start)
{
    uaddr_t end = request->start + request->len;
    bool is_possible = is_user_range(request->start, request->len);

    *start = request->start;
    if (request->fixed) {
        if (!is_possible)
            return *start < USER_START ? -EPERM : -ENOMEM;
        return request->no_replace && vregion_overlaps(&vspace->regions, *start, end) ? -EEXIST : 0;
    }
    if (request->low && end > LOW_END)
        is_possible = false;
    if (!is_possible || !is_free(vspace, *start, end))
        *start = find_room(vspace, request);
    return *start ? 0 : -ENOMEM;
}

/* Returns true if `more` bytes fit into a limit beside those that are used. */
static bool fits(uint64_t more, uint64_t used, uint64_t limit)
{
    return more == 0 || (more <= limit && used <= limit - more);
}

/* What a region replaces is not taken into account, as on Linux. */
int vspace_check_limits(const struct vspace *vspace, const struct vregion *like, uint64_t more)
{
    const struct vspace_account *account = &vspace->account;

    if (like->flags & VREGION_LOCKED && !fits(more, account->locked_bytes, account->limits.locked))
        return -EAGAIN;
    if (vspace->regions.count > VREGIONS_MAX ||
        !fits(more, account->mapped_bytes, account->limits.space))
        return -ENOMEM;
    bool is_over =
        is_data(like, like->prot) && !fits(more, account->data_bytes, account->limits.data);
    return is_over ? -ENOMEM : 0;
}

int vspace_map_locked(struct vspace *vspace, const struct map_request *request, uaddr_t *start)
{
    assert(rwlock_is_write_held(&vspace->lock));
    assert(request->len && !((request->start | request->len) % PAGE_SIZE));
    int err = vspace_place(vspace, request, start);
    if (err)
        return err;
    struct vregion like = {
        .start = *start,
        .end = *start + request->len,
        .prot = request->prot,
        .kind = request->kind,
        .flags = request->flags | vspace->account.new_flags,
        .shared = request->shared,
        .no_write = request->no_write,
        .pager = request->pager,
        .pager_page = request->pager_page,
        .walk = WALK_NONE,
        .data_end = request->pager && !request->data_end ? DATA_FILLS : request->data_end,
    };
    err = vspace_check_limits(vspace, &like, request->len);
    if (err)
        return err;
    struct vregion *region = vregion_alloc(&like);
    if (!region)
        return -ENOMEM;
    err = vspace_unmap_locked(vspace, like.start, like.end);
    if (err) {
        vregion_free(region);
        return err;
    }
    vregion_insert(&vspace->regions, region);
    vspace_count_region(vspace, region, 1);
    vregion_merge(&vspace->regions, region);
    vspace_check(vspace, like.start, like.end);
    return 0;
}

int vspace_map(struct vspace *vspace, const struct map_request *request, uaddr_t *start)
{
    rwlock_write_lock(&vspace->lock);
    int err = vspace_map_locked(vspace, request, start);
    rwlock_write_unlock(&vspace->lock);
    return err;
}

/* Ends the range where a region is that has a feature of `forbidden`; then -EINVAL. A range may have
   as many regions as there are. */
static int check_mapped(struct vspace *vspace, uaddr_t start, uaddr_t *end, unsigned forbidden)
{
    struct vregion *region = vregion_find_from(&vspace->regions, start);
    uaddr_t reached = start;

    for (; region && region->start < *end; region = vregion_next(region)) {
        if (vregion_features(region) & forbidden) {
            *end = max(region->start, start);
            return -EINVAL;
        }
        if (region->start <= reached)
            reached = region->end;
    }
    return reached < *end ? -ENOMEM : 0;
}

int vspace_discard_locked(struct vspace *vspace, uaddr_t start, uaddr_t end, unsigned forbidden)
{
    check_range(vspace, start, end);
    int result = check_mapped(vspace, start, &end, forbidden);
    if (start == end)
        return result;
    /* Tables that show pages of other regions stay. */
    const struct hole hole = {.start = start, .end = end, .floor = start, .ceiling = end};
    int err = pagetable_prepare_clear(&vspace->pagetable, &hole);
    if (err)
        return err;
    pagetable_clear(&vspace->pagetable, &hole);
    vspace_check(vspace, start, end);
    return result;
}

int vspace_discard(struct vspace *vspace, uaddr_t start, uaddr_t end, unsigned forbidden)
{
    rwlock_write_lock(&vspace->lock);
    int err = vspace_discard_locked(vspace, start, end, forbidden);
    rwlock_write_unlock(&vspace->lock);
    return err;
}

int vspace_check_mapped(struct vspace *vspace, uaddr_t start, uaddr_t end, unsigned forbidden)
{
    rwlock_read_lock(&vspace->lock);
    int err = check_mapped(vspace, start, &end, forbidden);
    rwlock_read_unlock(&vspace->lock);
    return err;
}

/* Gives [start, end), which begins and ends with regions, the rights `prot`. */
static void set_prot(struct vspace *vspace, uaddr_t start, uaddr_t end, unsigned prot)
{
    struct vregion *region = vregion_find(&vspace->regions, start);

    for (; region && region->start < end; region = vregion_next(region)) {
        vspace_count_region(vspace, region, -1);
        vregion_set(region, prot, region->flags);
        vspace_count_region(vspace, region, 1);
    }
    for (region = vregion_find(&vspace->regions, start); region && region->start <= end;
         region = vregion_next(region))
        region = vregion_merge(&vspace->regions, region);
}

/* Finds the end of the part of [start, end) that can be given the rights `prot`. The part ends
   before the first hole, or region for which RLIMIT_DATA leaves no room (-ENOMEM), or that may not
   be written (-EACCES). */
static int protect_end(struct vspace *vspace, uaddr_t start, uaddr_t end, unsigned prot,
                       uaddr_t *reached)
{
    const struct vspace_account *account = &vspace->account;
    uint64_t data = account->data_bytes;
    const struct vregion *region;

    for (*reached = start; *reached < end; *reached = min(region->end, end)) {
        region = vregion_find(&vspace->regions, *reached);
        if (!region)
            return -ENOMEM;
        if ((prot & PROT_W) && region->no_write)
            return -EACCES;
        if (!is_data(region, prot) || is_data(region, region->prot))
            continue;
        data += min(region->end, end) - *reached;
        if (data > account->limits.data)
            return -ENOMEM;
    }
    return 0;
}

static int protect_whole(struct vspace *vspace, uaddr_t start, uaddr_t end, unsigned prot)
{
    int err = vspace_cut_out(vspace, start, end, VREGIONS_MAX);
    if (!err)
        err = pagetable_prepare_protect(&vspace->pagetable, start, end);
    if (err) {
        vspace_heal(vspace, start);
        vspace_heal(vspace, end);
        return err;
    }
    set_prot(vspace, start, end, prot);
    pagetable_protect(&vspace->pagetable, start, end, prot);
    vspace_check(vspace, start, end);
    return 0;
}

static int protect_locked(struct vspace *vspace, uaddr_t start, uaddr_t end, unsigned prot)
{
    check_range(vspace, start, end);
    uaddr_t reached;
    int stopped = protect_end(vspace, start, end, prot, &reached);
    int err = reached > start ? protect_whole(vspace, start, reached, prot) : 0;

    return err ? err : stopped;
}

int vspace_protect(struct vspace *vspace, uaddr_t start, uaddr_t end, unsigned prot)
{
    rwlock_write_lock(&vspace->lock);
    int err = protect_locked(vspace, start, end, prot);
    rwlock_write_unlock(&vspace->lock);
    return err;
}
