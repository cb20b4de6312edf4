/* The way back: from an object to the address spaces that show its pages.

   There is no map from a page to its entries. Truncation is rare, so it goes through the list of
   all vspaces, which is as long as there are processes, and looks at their regions. It sets the
   object's new size first; then no fault brings one of the pages back. */

#include <lib/panic.h>
#include <vm/vspace.h>

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

void vspace_forget_pages(struct pager *pager, uint64_t first)
{
    assert(lock_check_none_from(RANK_VSPACE));
    for (struct vspace *vspace = vspace_after(NULL); vspace; vspace = vspace_after(vspace)) {
        struct vregion *region;

        rwlock_write_lock(&vspace->lock);
        for (region = vregion_first(&vspace->regions); region; region = vregion_next(region))
            if (region->pager == pager)
                forget_in_region(vspace, region, first);
        rwlock_write_unlock(&vspace->lock);
    }
}
