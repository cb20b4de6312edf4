/* The addresses that the tests use. The user's half is cut into places, from USER_START to
   USER_END without a gap.

   Windows of single pages lie at the ends of tables. Between the windows are wide places; tests
   map and unmap wide places, and never access them:

       window       first page          pages  reason
       bottom       USER_START              8  the lowest addresses
       program      0x5f8000               16  across a leaf table's end; the heap grows over it
       gib          1 GiB - 4 pages         8  across a level-2 table's end
       half_tib     512 GiB - 4 pages       8  across a level-3 table's end
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
#define TOP      (HALF_TIB + 8 + 1)
#define GUARD    (TOP + 8)
#define STACK    (GUARD + 1)
#define NPLACES  (STACK + 8)

/* The first place of the heap, and the pages that it can grow into. The program lies below. */
#define HEAP       (PROGRAM + 4)
#define HEAP_PAGES 12

struct place {
    uaddr_t start, end;
};

extern const struct place places[NPLACES];

/* The places of one page each, in order. Tests access no other places. */
#define NPAGES (8u + 16 + 8 + 8 + 8 + 8)
extern const uint8_t page_places[NPAGES];

static inline bool place_is_page(unsigned place)
{
    return places[place].end - places[place].start == PAGE_SIZE;
}

/* Returns the place that begins at `addr`, or NPLACES. */
unsigned place_at(uaddr_t addr);
