/* A sparse array of pointers: a tree of nodes with 64 slots. To find or set an item costs O(log64
   of the largest index). The tree grows upwards when a larger index comes. Lock: the user's. */
#pragma once

#include <lib/base.h>

struct radix {
    void *root;      /* a node, or the item of index 0 if the height is 0 */
    unsigned height; /* levels of nodes; all indexes are below 64^height */
};

/* Returns the item at `index`, or NULL. */
void *radix_find(const struct radix *radix, uint64_t index);

/* Sets the item at `index`, which has none. -ENOMEM: no item has changed. */
__must_check int radix_insert(struct radix *radix, uint64_t index, void *item);

/* Removes all items from `first` on, passes each to `drop`, and frees the nodes that become
   empty. */
void radix_remove_from(struct radix *radix, uint64_t first, void (*drop)(void *item, void *arg),
                       void *arg);

/* Calls `each` for every item, in order. */
void radix_for_each(const struct radix *radix, void (*each)(void *item, void *arg), void *arg);
