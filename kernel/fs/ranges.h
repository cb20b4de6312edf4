/* The byte ranges of one file that one owner has locked.

   The kinds are Linux's: F_RDLCK, F_WRLCK and, in a request, F_UNLCK. Always true: ranges do not
   overlap, and two of one kind do not touch. Lock: the user's. */
#pragma once

#include <linux/fcntl.h>
#include <sys/tree.h>
#include <lib/base.h>

struct lock_range {
    RB_ENTRY(lock_range) node;
    int64_t start, end; /* bytes; `end` is the last one */
};

RB_HEAD(lock_range_tree, lock_range);

struct lock_ranges {
    struct lock_range_tree trees[2]; /* [F_RDLCK] and [F_WRLCK]; zeroed: none */
};

/* Returns the first range of a kind that has a byte in [start, end], or NULL. O(log n). */
struct lock_range *ranges_find(struct lock_ranges *ranges, short kind, int64_t start, int64_t end);

/* Makes the bytes in [start, end] ranges of a kind. Costs O(log n) for each range that it changes.
   -ENOLCK: out of memory, and nothing has changed. */
__must_check int ranges_set(struct lock_ranges *ranges, short kind, int64_t start, int64_t end);

bool ranges_are_empty(const struct lock_ranges *ranges);

/* Drops all ranges. */
void ranges_clear(struct lock_ranges *ranges);
