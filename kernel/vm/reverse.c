/* The way back: from an object to the address spaces that show its pages.

   There is no map from a page to its entries, but the object's pager knows the regions that map it
   (pager.c). Truncation goes over these, as many as there are, and drops their pages. It sets the
   object's new size first; then no fault brings one of the pages back. */

#include <lib/panic.h>
#include "vspaces.h"

struct pager *vspace_shared_object(struct vspace *vspace, uaddr_t addr, uint64_t *offset)
{
    struct pager *pager = NULL;

    rwlock_read_lock(&vspace->lock);
    const struct vregion *region = vregion_find(&vspace->regions, addr);
    if (region && region->shared) {
        pager = region->pager;
        pager->ops->get(pager, false);
        *offset = (region->pager_page << PAGE_SHIFT) + (addr - region->start);
    }
    rwlock_read_unlock(&vspace->lock);
    return pager;
}

/* Returns where the pager's bytes end. Behind them, a private region has zeros of its own. */
static uaddr_t pager_end(const struct vregion *region)
{
    bool fills = region->shared || region->data_end >= region->end;

    return fills ? region->end : page_ceil(region->data_end);
}

/* The pages of `region` from the object's page `first` on. */
static void forget_in_region(struct vspace *vspace, const struct vregion *region, uint64_t first)
{
    assert(rwlock_is_write_held(&vspace->lock));
    uint64_t skip = first > region->pager_page ? first - region->pager_page : 0;

    if (skip >= vregion_len(region) >> PAGE_SHIFT)
        return;
    uaddr_t start = region->start + (skip << PAGE_SHIFT), end = pager_end(region);
    if (start < end)
        pagetable_forget(&vspace->pagetable, start, end);
}

static struct vspace *vspace_of(const struct vregion *region)
{
    return container_of(region->tree, struct vspace, regions);
}

/* Returns the vspace of the region to which the walk comes next, with a reference; NULL at the end.
   A vspace without references is about to take its regions off the list. */
static struct vspace *next_vspace(struct pager *pager)
{
    struct vspace *vspace = NULL;
    struct vregion *region;

    spin_lock(&pager->lock);
    while (!vspace && (region = pager_walk_next(pager))) {
        if (vspace_get_unless_zero(vspace_of(region)))
            vspace = vspace_of(region);
        else
            pager_walk_pass(pager, region);
    }
    spin_unlock(&pager->lock);
    return vspace;
}

/* Passes the next region, if it is still one of `vspace`, whose lock keeps it from changing. */
static struct vregion *next_region(struct pager *pager, const struct vspace *vspace)
{
    spin_lock(&pager->lock);
    struct vregion *region = pager_walk_next(pager);
    if (region && vspace_of(region) != vspace)
        region = NULL;
    if (region)
        pager_walk_pass(pager, region);
    spin_unlock(&pager->lock);
    return region;
}

void vspace_forget_pages(struct pager *pager, uint64_t first)
{
    struct vspace *vspace;
    struct vregion *region;

    assert(lock_check_none_from(RANK_VSPACE));
    pager_walk_begin(pager);
    while ((vspace = next_vspace(pager))) {
        rwlock_write_lock(&vspace->lock);
        while ((region = next_region(pager, vspace)))
            forget_in_region(vspace, region, first);
        rwlock_write_unlock(&vspace->lock);
        vspace_put(vspace);
    }
}
