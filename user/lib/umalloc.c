/* A small malloc, after the one in Kernighan and Ritchie, section 8.7.

       | header | payload ... | header | payload ... |

   A header has 16 bytes, and a block is a multiple of 16 bytes long. The free blocks form a ring in
   the order of their addresses. The ring begins at `ring`, a block without payload. Always true:
   two free blocks never touch, because they are joined. `rover` is the block of the ring at which
   the last search ended. */
#include "umalloc.h"

#include <errno.h>
#include <stdint.h>

#include "pagoda.h"

enum {
    UNIT = 16,           /* bytes; the size of a header, and the alignment of blocks */
    GROW_UNITS_MIN = 256 /* units; the smallest request to pagoda_sbrk, 4 KiB */
};

struct block {
    struct block *next; /* the next free block, if this one is free */
    size_t units;       /* length of the block with its header, in units */
};

_Static_assert(sizeof(struct block) == UNIT, "a header is one unit");

static struct block ring = {.next = &ring, .units = 1};
static struct block *rover = &ring;

static struct block *block_end(struct block *block)
{
    return block + block->units;
}

/* Returns true if the ring's order puts a block at `block` right after `before`. */
static bool is_place(const struct block *before, const struct block *block)
{
    bool is_above = block > before;
    bool is_below_next = block < before->next;
    /* the ring's end, from the highest address to the lowest */
    bool is_seam = before >= before->next;

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
    rover = before; /* `block` may have become a part of `before` */
}

/* Adds a free block of at least `units` to the ring. Returns false, with errno ENOMEM, on
   failure. */
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

/* Cuts `units` from the end of the free block after `before`, or takes the whole block. */
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

/* Searches the ring from `rover` for a free block that is large enough. Returns the block before it
   in the ring, or NULL. */
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
