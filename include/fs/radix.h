/* A sparse array of pointers, as a tree of nodes with 64 slots: finding and setting one cost
   O(log64 of the largest index). It grows upwards as larger indexes come. Lock: the user's. */
#pragma once

#include <lib/base.h>

struct radix {
    void *root;      /* a node, or (height 0) the item of index 0 */
    unsigned height; /* levels of nodes; indexes below 64^height fit */
};

/* The item at `index`, or NULL. */
void *radix_find(const struct radix *radix, uint64_t index);

/* Sets the item at `index`, which has none. -ENOMEM: nothing has changed that anyone sees. */
__must_check int radix_insert(struct radix *radix, uint64_t index, void *item);

/* Takes out all items from `first` on, handing each to `drop`, and frees the nodes that this leaves
   empty. */
void radix_remove_from(struct radix *radix, uint64_t first, void (*drop)(void *item, void *arg),
                       void *arg);

/* Calls `each` for every item, in order. */
void radix_for_each(const struct radix *radix, void (*each)(void *item, void *arg), void *arg);
