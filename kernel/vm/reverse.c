/* The way back: from an object to the address spaces that show its pages.

   There is no map from a page to its entries, but the object's pager knows the regions that map it
   (pager.c). A walk goes over these, as many as there are. Truncation and a hole drop the pages of a
   range, once no fault can bring one of them back. Write-back clears W. */

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

/* What a walk does to the pages [first, end) of the object. */
struct page_walk {
    uint64_t first, end;
    enum { WALK_FORGET, WALK_PUNCH, WALK_CLEAN } what;
};

/* Truncation forgets private copies, too. Only a shared region has entries to be cleaned. */
static void walk_region(struct vspace *vspace, const struct vregion *region,
                        const struct page_walk *walk)
{
    uint64_t base = region->pager_page, npages = vregion_len(region) >> PAGE_SHIFT;
    uint64_t first = max(walk->first, base) - base;
    uint64_t end = min(max(walk->end, base) - base, npages);

    assert(rwlock_is_write_held(&vspace->lock));
    if (first >= end)
        return;
    uaddr_t from = region->start + (first << PAGE_SHIFT);
    uaddr_t to = min(region->start + (end << PAGE_SHIFT), pager_end(region));
    if (from >= to)
        return;
    if (walk->what != WALK_CLEAN)
        pagetable_forget(&vspace->pagetable, from, to,
                         walk->what == WALK_FORGET ? FORGET_ALL : FORGET_PAGES);
    else if (vregion_writes_object(region))
        pagetable_clean(&vspace->pagetable, from, to);
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

static void walk_pages(struct pager *pager, const struct page_walk *walk)
{
    struct vspace *vspace;
    struct vregion *region;

    assert(lock_check_none_from(RANK_VSPACE));
    pager_walk_begin(pager);
    while ((vspace = next_vspace(pager))) {
        rwlock_write_lock(&vspace->lock);
        while ((region = next_region(pager, vspace)))
            walk_region(vspace, region, walk);
        rwlock_write_unlock(&vspace->lock);
        vspace_put(vspace);
    }
}

void vspace_forget_pages(struct pager *pager, uint64_t first, uint64_t end)
{
    walk_pages(pager, &(struct page_walk){first, end, WALK_FORGET});
}

void vspace_punch_pages(struct pager *pager, uint64_t first, uint64_t end)
{
    walk_pages(pager, &(struct page_walk){first, end, WALK_PUNCH});
}

void vspace_clean_pages(struct pager *pager, uint64_t first, uint64_t end)
{
    walk_pages(pager, &(struct page_walk){first, end, WALK_CLEAN});
}
