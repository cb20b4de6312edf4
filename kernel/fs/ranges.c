/* The byte ranges of one file that one owner has locked: a tree for each kind, by start. */
#include <linux/errno.h>
#include <mm/heap.h>
#include "ranges.h"

static int range_compare(const struct lock_range *a, const struct lock_range *b)
{
    return (a->start > b->start) - (a->start < b->start);
}

RB_GENERATE_STATIC(lock_range_tree, lock_range, node, range_compare)

struct lock_range *ranges_find(struct lock_ranges *ranges, short kind, int64_t start, int64_t end)
{
    struct lock_range_tree *tree = &ranges->trees[kind];
    struct lock_range key = {.start = start};
    struct lock_range *next = RB_NFIND(lock_range_tree, tree, &key);
    struct lock_range *before =
        next ? RB_PREV(lock_range_tree, tree, next) : RB_MAX(lock_range_tree, tree);

    if (before && before->end >= start)
        return before;
    return next && next->start <= end ? next : NULL;
}

static struct lock_range *range_alloc(int64_t start, int64_t end)
{
    struct lock_range *range = heap_alloc_zeroed(sizeof(*range));

    if (range)
        *range = (struct lock_range){.start = start, .end = end};
    return range;
}

static void range_drop(struct lock_range_tree *tree, struct lock_range *range)
{
    RB_REMOVE(lock_range_tree, tree, range);
    heap_free(range);
}

/* Removes the bytes in [start, end] from a tree. If they are the middle of one range, `rest`
   becomes its upper part. */
static void tree_cut(struct lock_ranges *ranges, short kind, int64_t start, int64_t end,
                     struct lock_range *rest)
{
    struct lock_range_tree *tree = &ranges->trees[kind];
    struct lock_range *range;

    while ((range = ranges_find(ranges, kind, start, end))) {
        int64_t old_end = range->end;

        if (range->start >= start && old_end <= end) {
            range_drop(tree, range);
        } else if (range->start >= start) {
            range->start = end + 1; /* its place in the order stays */
        } else {
            range->end = start - 1;
            if (old_end > end) {
                *rest = (struct lock_range){.start = end + 1, .end = old_end};
                RB_INSERT(lock_range_tree, tree, rest);
            }
        }
    }
}

/* Adds a range to a tree that has none of its bytes, and merges it with those that touch it. */
static void tree_add(struct lock_range_tree *tree, struct lock_range *range)
{
    RB_INSERT(lock_range_tree, tree, range);
    struct lock_range *before = RB_PREV(lock_range_tree, tree, range);
    struct lock_range *next = RB_NEXT(lock_range_tree, tree, range);
    if (next && next->start - 1 == range->end) {
        range->end = next->end;
        range_drop(tree, next);
    }
    if (before && before->end + 1 == range->start) {
        before->end = range->end;
        range_drop(tree, range);
    }
}

/* Returns true if [start, end] is the middle of one range. */
static bool splits(struct lock_ranges *ranges, int64_t start, int64_t end)
{
    for (short kind = F_RDLCK; kind <= F_WRLCK; kind++) {
        const struct lock_range *range = ranges_find(ranges, kind, start, end);

        if (range && range->start < start && range->end > end)
            return true;
    }
    return false;
}

int ranges_set(struct lock_ranges *ranges, short kind, int64_t start, int64_t end)
{
    bool adds = kind != F_UNLCK, is_split = splits(ranges, start, end);
    struct lock_range *added = adds ? range_alloc(start, end) : NULL;
    struct lock_range *rest = is_split ? range_alloc(0, 0) : NULL;

    if ((adds && !added) || (is_split && !rest)) {
        heap_free(added);
        heap_free(rest);
        return -ENOLCK;
    }
    for (short old = F_RDLCK; old <= F_WRLCK; old++)
        tree_cut(ranges, old, start, end, rest);
    if (adds)
        tree_add(&ranges->trees[kind], added);
    return 0;
}

bool ranges_are_empty(const struct lock_ranges *ranges)
{
    return RB_EMPTY(&ranges->trees[F_RDLCK]) && RB_EMPTY(&ranges->trees[F_WRLCK]);
}

void ranges_clear(struct lock_ranges *ranges)
{
    struct lock_range *range;

    for (short kind = F_RDLCK; kind <= F_WRLCK; kind++)
        while ((range = RB_ROOT(&ranges->trees[kind])))
            range_drop(&ranges->trees[kind], range);
}
