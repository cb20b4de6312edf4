/* A sparse array of pointers: a tree of nodes with 64 slots. To find or set an item costs O(log64
   of the largest index). The tree grows upwards when a larger index comes.

   Each item has tags, up to RADIX_TAGS, and the tree finds the next item with a tag in O(log64), as
   it finds the next item of all. An item is aligned to 16 bytes. Lock: the user's. */
#pragma once

#include <lib/base.h>

/* The tags of an item live in the low bits of the slot that holds it. The slot of a node has the
   tags of all its items. */
#define RADIX_TAGS 15u

/* All indexes are below this, so a tree has at most 10 levels. */
#define RADIX_INDEX_MAX (1ul << 60)

struct radix {
    void *root;      /* a node, or the item of index 0 if the height is 0; with tags */
    unsigned height; /* levels of nodes; all indexes are below 64^height */
};

/* Return the item at `index`, or NULL. radix_look sets `tags` to its tags. */
void *radix_find(const struct radix *radix, uint64_t index);
void *radix_look(const struct radix *radix, uint64_t index, unsigned *tags);

/* Returns true if an item has a tag of `tags`. */
static inline bool radix_has(const struct radix *radix, unsigned tags)
{
    return (uintptr_t)radix->root & tags;
}

/* Sets the item at `index`, which has none, with its tags. -ENOMEM: no item has changed. */
__must_check int radix_insert(struct radix *radix, uint64_t index, void *item, unsigned tags);

/* Takes the tags `clear` from the item at `index`, which exists, and gives it the tags `set`. */
void radix_retag(struct radix *radix, uint64_t index, unsigned clear, unsigned set);

/* Returns the first item in [*index, last] that has a tag of `tags` (0: that exists), and sets
   `index` to its index. Returns NULL if there is none. */
void *radix_next(const struct radix *radix, uint64_t *index, uint64_t last, unsigned tags);

/* Removes the items in [first, last], passes each to `drop`, and frees the nodes that become
   empty. */
void radix_remove(struct radix *radix, uint64_t first, uint64_t last,
                  void (*drop)(void *item, void *arg), void *arg);

/* Calls `each` for every item, in order. */
void radix_for_each(const struct radix *radix,
                    void (*each)(uint64_t index, void *item, unsigned tags, void *arg), void *arg);
