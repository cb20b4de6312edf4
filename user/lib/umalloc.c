/* A small malloc, after the one in Kernighan and Ritchie, section 8.7.

       | header | payload ... | header | payload ... |      header: 16 bytes; a block: whole units
   of 16 bytes

   The free blocks form a ring in the order of their addresses, from `ring` on, which is a block of
   no payload. Always true: no free block ends where the next one begins; they would have been
   joined. `rover`, where the last search ended, is some block of the ring. */
#include "umalloc.h"

#include <errno.h>
#include <stdint.h>

#include "pagoda.h"

enum {
    UNIT = 16,           /* bytes; the size of a header, and the alignment of all blocks */
    GROW_UNITS_MIN = 256 /* units; what is asked of pagoda_sbrk at least: 4 KiB */
};

struct block {
    struct block *next; /* the next block of the ring, if this one is free */
    size_t units;       /* the length of the block with its header, in units */
};

_Static_assert(sizeof(struct block) == UNIT, "a header is one unit");

static struct block ring = {.next = &ring, .units = 1};
static struct block *rover = &ring;

static struct block *block_end(struct block *block)
{
    return block + block->units;
}

/* Whether a block at `block` belongs between `before` and the block that follows it in the ring. */
static bool is_place(const struct block *before, const struct block *block)
{
    bool is_above = block > before;
    bool is_below_next = block < before->next;
    bool is_seam = before >= before->next; /* the highest address, next to the lowest */

    return is_seam ? is_above || is_below_next : is_above && is_below_next;
}

/* Joins `block` with the free block after it, if they touch. */
static void block_join_next(struct block *block)
{
    struct block *next = block->next;

    if (block_end(block) != next || next == &ring)
        return;
    block->units += next->units;
    block->next = next->next;
}

static void block_free(struct block *block)
{
    struct block *before = rover;

    while (!is_place(before, block))
        before = before->next;
    block->next = before->next;
    before->next = block;
    block_join_next(block);
    if (before != &ring)
        block_join_next(before);
    rover = before; /* not `block`: it may be a part of `before` now */
}

/* Adds a free block of at least `units` to the ring. => false with errno ENOMEM. */
static bool heap_grow(size_t units)
{
    if (units < GROW_UNITS_MIN)
        units = GROW_UNITS_MIN;
    uintptr_t break_now = (uintptr_t)pagoda_sbrk(0);
    size_t padding = -break_now % UNIT;
    char *start = pagoda_sbrk(padding + units * UNIT);
    if (start == (char *)-1)
        return false;
    struct block *block = (struct block *)(start + padding);
    block->units = units;
    block_free(block);
    return true;
}

/* Takes `units` from the end of the free block after `before`, or all of it. */
static struct block *block_take(struct block *before, size_t units)
{
    struct block *block = before->next;

    if (block->units == units) {
        before->next = block->next;
    } else {
        block->units -= units;
        block = block_end(block);
        block->units = units;
    }
    rover = before;
    return block;
}

/* The free block before the first one that is large enough, from `rover` on. => NULL if there is
   none. */
static struct block *ring_search(size_t units)
{
    struct block *before = rover;

    do {
        if (before->next != &ring && before->next->units >= units)
            return before;
        before = before->next;
    } while (before != rover);
    return NULL;
}

void *umalloc(size_t size)
{
    if (size > PTRDIFF_MAX - 4 * UNIT) {
        errno = ENOMEM;
        return NULL;
    }
    size_t units = (size + UNIT - 1) / UNIT + 1;
    struct block *before = ring_search(units);
    if (!before && heap_grow(units))
        before = ring_search(units);
    return before ? block_take(before, units) + 1 : NULL;
}

void ufree(void *memory)
{
    if (memory)
        block_free((struct block *)memory - 1);
}
