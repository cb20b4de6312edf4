/* The addresses that the tests use. The user's half is cut into places, from USER_START to
   USER_END without a gap.

   Windows of single pages lie at the ends of tables. Between the windows are wide places; tests
   map and unmap wide places, and never access them:

       window       first page          pages  reason
       bottom       USER_START              8  the lowest addresses
       program      0x5f8000               16  across a leaf table's end; the heap grows over it
       gib          1 GiB - 4 pages         8  across a level-2 table's end
       half_tib     512 GiB - 4 pages       8  across a level-3 table's end
       twin         600 GiB                 6  two at each end of the first leaf table, and two at
                                               the end of the first level-2 table
       twin_2       700 GiB                 6  the same, so that whole tables can move here
       top          below the guard         8  where mmap finds room first
       guard        256 pages                  one wide place; mmap leaves it free
       stack        USER_END - 8 pages      8  the last addresses

   Every range of an operation begins and ends with a place, so a place is mapped as a whole or
   not at all. */
#pragma once

#include <arch/page.h>
#include <vm/vspace.h>

#define BOTTOM   0u /* the first place of each window */
#define PROGRAM  (BOTTOM + 8 + 1)
#define GIB      (PROGRAM + 16 + 1)
#define HALF_TIB (GIB + 8 + 1)
#define TWIN     (HALF_TIB + 8 + 1)
#define TWIN_2   (TWIN + TWIN_PLACES + 1)
#define TOP      (TWIN_2 + TWIN_PLACES + 1)
#define GUARD    (TOP + 8)
#define STACK    (GUARD + 1)
#define NPLACES  (STACK + 8)

/* The places of a twin, wide ones included: one leaf table's, and one level-2 table's. */
#define TWIN_PLACES      8u
#define TWIN_LEAF_PLACES 5u

/* The first place of the heap, and the pages that it can grow into. The program lies below. */
#define HEAP       (PROGRAM + 4)
#define HEAP_PAGES 12

struct place {
    uaddr_t start, end;
};

extern const struct place places[NPLACES];

/* The places of one page each, in order. Tests access no other places. */
#define NPAGES (8u + 16 + 8 + 8 + 6 + 6 + 8 + 8)
extern const uint8_t page_places[NPAGES];

static inline uint64_t place_len(unsigned place)
{
    return places[place].end - places[place].start;
}

static inline bool place_is_page(unsigned place)
{
    return place_len(place) == PAGE_SIZE;
}

/* Returns the place that begins at `addr`, or NPLACES. */
unsigned place_at(uaddr_t addr);
