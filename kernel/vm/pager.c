/* Which regions map an object: the list that its pager keeps.

   A walk (reverse.c) must come to each region that may show a page, while regions are split, merged
   and copied by fork. So the list has two parts, those that the last walk has passed, then those
   that it has not:

       a new region        has been passed: it shows nothing from before the walk
       a part, or a copy   has been passed if its origin has
       two that merge      have been passed if both have

   Each insertion is at the beginning or at the end of the list. */

#include <lib/panic.h>
#include <vm/vregion.h>

void pager_init(struct pager *pager, const struct pager_ops *ops)
{
    pager->ops = ops;
    spin_init(&pager->lock, RANK_SPACES);
    TAILQ_INIT(&pager->regions);
    pager->walk = 0;
}

static void add_locked(struct pager *pager, struct vregion *region)
{
    region->walk = min(region->walk, pager->walk);
    if (region->walk == pager->walk)
        TAILQ_INSERT_HEAD(&pager->regions, region, sharers);
    else
        TAILQ_INSERT_TAIL(&pager->regions, region, sharers);
}

static void count_region(struct pager *pager, int change)
{
    if (pager->ops->mapped)
        pager->ops->mapped(pager, change);
}

void pager_add_region(struct vregion *region)
{
    spin_lock(&region->pager->lock);
    add_locked(region->pager, region);
    spin_unlock(&region->pager->lock);
    count_region(region->pager, 1);
}

void pager_remove_region(struct vregion *region)
{
    count_region(region->pager, -1);
    spin_lock(&region->pager->lock);
    TAILQ_REMOVE(&region->pager->regions, region, sharers);
    spin_unlock(&region->pager->lock);
}

void pager_merge_region(struct vregion *low, const struct vregion *high)
{
    struct pager *pager = low->pager;

    spin_lock(&pager->lock);
    TAILQ_REMOVE(&pager->regions, low, sharers);
    low->walk = min(low->walk, high->walk);
    add_locked(pager, low);
    spin_unlock(&pager->lock);
}

bool pager_has_writers(struct pager *pager)
{
    const struct vregion *region;

    spin_lock(&pager->lock);
    TAILQ_FOREACH (region, &pager->regions, sharers)
        if (vregion_writes_object(region))
            break;
    spin_unlock(&pager->lock);
    return region;
}

void pager_walk_begin(struct pager *pager)
{
    spin_lock(&pager->lock);
    pager->walk++;
    spin_unlock(&pager->lock);
}

struct vregion *pager_walk_next(struct pager *pager)
{
    assert(spin_is_held(&pager->lock));
    struct vregion *last = TAILQ_LAST(&pager->regions, sharers);

    return last && last->walk < pager->walk ? last : NULL;
}

void pager_walk_pass(struct pager *pager, struct vregion *region)
{
    assert(spin_is_held(&pager->lock));
    TAILQ_REMOVE(&pager->regions, region, sharers);
    region->walk = pager->walk;
    add_locked(pager, region);
}
