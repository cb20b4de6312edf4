/* The tree of regions: a red-black tree ordered by address, in which every node also keeps

       gap      the hole between the region before and this one, without the guard of a stack
       max_gap  the largest gap in its subtree

   so the search for room skips subtrees that have none.

   Always true: start < end, both page aligned; regions do not overlap; an anonymous region has no
   pager_page and no data_end; a region that continues its neighbour is merged with it.
   Lock: the vspace's. */

#include <lib/base.h>

struct vregion;
static void gap_update(struct vregion *region);
#define RB_AUGMENT(region) gap_update(region)

#include <linux/errno.h>
#include <sys/tree.h>
#include <arch/event.h>
#include <lib/panic.h>
#include <mm/heap.h>
#include <vm/vregion.h>

static int vregion_compare(const struct vregion *a, const struct vregion *b)
{
    return (a->start > b->start) - (a->start < b->start);
}

RB_GENERATE_STATIC(vregion_tree, vregion, node, vregion_compare)

/* Recomputes max_gap from the node and its children. */
static void gap_update(struct vregion *region)
{
    const struct vregion *left = RB_LEFT(region, node), *right = RB_RIGHT(region, node);

    region->max_gap = region->gap;
    if (left)
        region->max_gap = max(region->max_gap, left->max_gap);
    if (right)
        region->max_gap = max(region->max_gap, right->max_gap);
}

/* Recomputes the gap below `region` (NULL: does nothing), and max_gap from there up to the root. */
static void gap_refresh(struct vregion *region)
{
    if (!region)
        return;
    const struct vregion *before = vregion_prev(region);
    uaddr_t low = before ? before->end : USER_START, floor = vregion_floor(region);
    region->gap = floor > low ? floor - low : 0;
    for (; region; region = RB_PARENT(region, node))
        gap_update(region);
}

/* Tells that `region` of the tree is, or is about to be, [start, end). Both its new attributes and
   those that it has are told. */
#define REGION_EVENT(name, region_, start, end, prot_, flags_, last)               \
    EVENT(name, (uint64_t)(region_)->tree, start, end,                             \
          region_attributes(region_, prot_, flags_) |                              \
              region_attributes(region_, (region_)->prot, (region_)->flags) << 32, \
          last)

static uint64_t region_attributes(const struct vregion *region, unsigned prot, unsigned flags)
{
    return EVENT_REGION(prot, region->kind, flags, region->shared, region->no_write,
                        region->pager != NULL);
}

/* Tells of a region that comes into its tree. */
static void region_tell(const struct vregion *region)
{
    REGION_EVENT(region_map, region, region->start, region->end, region->prot, region->flags,
                 region->pager_page);
    if (region->pager)
        EVENT(region_object, (uint64_t)region->tree, region->start, (uint64_t)region->pager,
              region->pager_page, region->data_end);
}

static void check_bounds(uaddr_t start, uaddr_t end)
{
    debug_assert(start < end && end <= USER_END);
    debug_assert(!((start | end) % PAGE_SIZE));
}

struct vregion *vregion_alloc(const struct vregion *like)
{
    struct vregion *region = heap_alloc(sizeof(*region));

    debug_assert(like->pager || (!like->shared && !like->pager_page && !like->data_end));
    if (!region)
        return NULL;
    *region = *like;
    if (region->pager)
        region->pager->ops->get(region->pager, vregion_writes_object(region));
    return region;
}

void vregion_free(struct vregion *region)
{
    if (region->pager)
        region->pager->ops->put(region->pager, vregion_writes_object(region));
    heap_free(region);
}

struct vregion *vregion_find_from(struct vregion_tree *tree, uaddr_t addr)
{
    struct vregion *region = RB_ROOT(tree), *found = NULL;

    while (region) {
        if (region->end > addr) {
            found = region;
            region = RB_LEFT(region, node);
        } else {
            region = RB_RIGHT(region, node);
        }
    }
    return found;
}

struct vregion *vregion_find(struct vregion_tree *tree, uaddr_t addr)
{
    struct vregion *region = RB_ROOT(tree);

    while (region && !(region->start <= addr && addr < region->end))
        region = addr < region->start ? RB_LEFT(region, node) : RB_RIGHT(region, node);
    return region;
}

struct vregion *vregion_find_below(struct vregion_tree *tree, uaddr_t addr)
{
    struct vregion *above = vregion_find_from(tree, addr);

    return above ? vregion_prev(above) : vregion_last(tree);
}

struct vregion *vregion_first(struct vregion_tree *tree)
{
    return RB_MIN(vregion_tree, tree);
}

struct vregion *vregion_last(struct vregion_tree *tree)
{
    return RB_MAX(vregion_tree, tree);
}

struct vregion *vregion_next(struct vregion *region)
{
    return RB_NEXT(vregion_tree, NULL, region);
}

struct vregion *vregion_prev(struct vregion *region)
{
    return RB_PREV(vregion_tree, NULL, region);
}

bool vregion_overlaps(struct vregion_tree *tree, uaddr_t start, uaddr_t end)
{
    const struct vregion *region = vregion_find_from(tree, start);

    return region && region->start < end;
}

/* Returns where `len` bytes fit at the upper end of the gap below `region`, not above `top`; 0 if
   they do not. */
static uaddr_t gap_fit(const struct vregion *region, uint64_t len, uaddr_t top)
{
    uaddr_t floor = vregion_floor(region), low = floor - region->gap, high = min(floor, top);

    return high > low && high - low >= len ? high - len : 0;
}

/* Returns the highest fit in the gaps of the subtree: right, then the node's own, then left. The
   recursion is as deep as the tree. Subtrees whose largest gap is too small are not entered. A
   subtree is entered in vain only where `top` cuts gaps off, which is on one path from the root. */
static uaddr_t gap_search(const struct vregion *region, uint64_t len, uaddr_t top)
{
    uaddr_t found = 0;

    if (!region || region->max_gap < len)
        return 0;
    if (region->start < top)
        found = gap_search(RB_RIGHT(region, node), len, top);
    if (!found && region->gap >= len)
        found = gap_fit(region, len, top);
    if (!found)
        found = gap_search(RB_LEFT(region, node), len, top);
    return found;
}

uaddr_t vregion_find_gap(struct vregion_tree *tree, uint64_t len, uaddr_t top)
{
    const struct vregion *last = vregion_last(tree);
    uaddr_t low = last ? last->end : USER_START;

    if (top > low && top - low >= len)
        return top - len;
    return gap_search(RB_ROOT(tree), len, top);
}

void vregion_insert(struct vregion_tree *tree, struct vregion *region)
{
    check_bounds(region->start, region->end);
    debug_assert(!vregion_overlaps(tree, region->start, region->end));
    region->tree = tree;
    region_tell(region);
    region->gap = 0;
    region->max_gap = 0;
    RB_INSERT(vregion_tree, tree, region);
    tree->count++;
    gap_refresh(region);
    gap_refresh(vregion_next(region));
    if (region->pager)
        pager_add_region(region);
}

void vregion_remove(struct vregion_tree *tree, struct vregion *region)
{
    struct vregion *before = vregion_prev(region), *after = vregion_next(region);

    REGION_EVENT(region_unmap, region, region->start, region->end, region->prot, region->flags, 0);
    RB_REMOVE(vregion_tree, tree, region);
    tree->count--;
    if (region->pager)
        pager_remove_region(region);
    /* The subtrees that changed are those on the way up from the place that became empty. Its
       parent is one of the two neighbours, or one of them took the place. */
    gap_refresh(before);
    gap_refresh(after);
}

/* Copies a subtree to `place`, below `parent`: the form of the tree, its colours and its gaps stay.
   On failure the part that was copied can be visited and freed. The recursion is as deep as the
   tree. */
static int clone_subtree(struct vregion_tree *to, const struct vregion *like,
                         struct vregion *parent, struct vregion **place)
{
    *place = NULL;
    if (!like)
        return 0;
    struct vregion *region = vregion_alloc(like);
    if (!region)
        return -ENOMEM;
    region->tree = to;
    region_tell(region);
    RB_PARENT(region, node) = parent;
    RB_RIGHT(region, node) = NULL;
    to->count++;
    *place = region;
    int err = clone_subtree(to, RB_LEFT(like, node), region, &RB_LEFT(region, node));
    return err ? err : clone_subtree(to, RB_RIGHT(like, node), region, &RB_RIGHT(region, node));
}

int vregion_clone_all(struct vregion_tree *to, const struct vregion_tree *from)
{
    assert(!RB_ROOT(to));
    return clone_subtree(to, RB_ROOT(from), NULL, &RB_ROOT(to));
}

/* Frees a subtree, from below. The recursion is as deep as the tree. */
static void free_subtree(struct vregion *region)
{
    if (!region)
        return;
    free_subtree(RB_LEFT(region, node));
    free_subtree(RB_RIGHT(region, node));
    REGION_EVENT(region_unmap, region, region->start, region->end, region->prot, region->flags, 0);
    if (region->pager)
        pager_remove_region(region);
    vregion_free(region);
}

void vregion_free_all(struct vregion_tree *tree)
{
    free_subtree(RB_ROOT(tree));
    RB_INIT(tree);
    tree->count = 0;
}

void vregion_resize(struct vregion *region, uaddr_t start, uaddr_t end)
{
    check_bounds(start, end);
    debug_assert(!vregion_prev(region) || vregion_prev(region)->end <= start);
    debug_assert(!vregion_next(region) || end <= vregion_next(region)->start);
    REGION_EVENT(region_change, region, start, end, region->prot, region->flags, region->start);
    if (region->pager)
        region->pager_page += (int64_t)(start - region->start) / (int64_t)PAGE_SIZE;
    region->start = start;
    region->end = end;
    gap_refresh(region);
    gap_refresh(vregion_next(region));
}

void vregion_set(struct vregion *region, unsigned prot, unsigned flags)
{
    REGION_EVENT(region_change, region, region->start, region->end, prot, flags, region->start);
    region->prot = prot;
    region->flags = flags;
}

void vregion_split(struct vregion_tree *tree, struct vregion *region, uaddr_t addr,
                   struct vregion *upper)
{
    assert(region->start < addr && addr < region->end && !(addr % PAGE_SIZE));
    assert(upper->start == region->start && upper->end == region->end);
    upper->start = addr;
    upper->end = region->end;
    if (upper->pager)
        upper->pager_page += (addr - region->start) >> PAGE_SHIFT;
    vregion_resize(region, region->start, addr);
    vregion_insert(tree, upper);
}

/* Returns true if `high` starts where `low` ends and differs from it in nothing else. */
static bool is_continued(const struct vregion *low, const struct vregion *high)
{
    return low->end == high->start && low->prot == high->prot && low->kind == high->kind &&
           low->flags == high->flags && low->shared == high->shared &&
           low->no_write == high->no_write && low->pager == high->pager &&
           low->data_end == high->data_end &&
           (!low->pager ||
            (!low->pager->ops->mapped &&
             low->pager_page + (vregion_len(low) >> PAGE_SHIFT) == high->pager_page));
}

/* Merges `high` into `low`. */
static struct vregion *join(struct vregion_tree *tree, struct vregion *low, struct vregion *high)
{
    uaddr_t end = high->end;

    if (low->pager)
        pager_merge_region(low, high);
    vregion_remove(tree, high);
    vregion_free(high);
    vregion_resize(low, low->start, end);
    return low;
}

struct vregion *vregion_merge(struct vregion_tree *tree, struct vregion *region)
{
    struct vregion *before = vregion_prev(region), *after = vregion_next(region);

    if (after && is_continued(region, after))
        join(tree, region, after);
    if (before && is_continued(before, region))
        region = join(tree, before, region);
    return region;
}
