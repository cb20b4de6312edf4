/* The addresses that tests use: the user's half cut into places, from USER_START to USER_END without a gap.

   Windows of single pages lie where tables begin and end; between them are wide places, which are mapped and unmapped like
   the others but never touched:

       window       first page          pages  why there
       bottom       USER_START              8  the lowest addresses
       program      0x5f8000               16  across a leaf table's end; the heap grows over it
       gib          1 GiB - 4 pages         8  across a level-2 table's end
       half_tib     512 GiB - 4 pages       8  across a level-3 table's end
       top          below the guard         8  where mmap finds room first
       guard        256 pages                  one wide place; never mapped
       stack        USER_END - 8 pages      8  the last addresses

   Every range of an operation begins and ends with a place, so each place is mapped as a whole or not at all. */
#pragma once

#include <arch/page.h>
#include <vm/vspace.h>

#define BOTTOM   0u /* the number of each window's first place */
#define PROGRAM  (BOTTOM + 8 + 1)
#define GIB      (PROGRAM + 16 + 1)
#define HALF_TIB (GIB + 8 + 1)
#define TOP      (HALF_TIB + 8 + 1)
#define GUARD    (TOP + 8)
#define STACK    (GUARD + 1)
#define NPLACES  (STACK + 8)

/* The heap begins here and has so many pages to grow into; below it lies the program. */
#define HEAP       (PROGRAM + 4)
#define HEAP_PAGES 12

struct place {
    uaddr_t start, end;
};

extern const struct place places[NPLACES];

/* Places that are one page, in order; the others are never touched. */
#define NPAGES (8u + 16 + 8 + 8 + 8 + 8)
extern const uint8_t page_places[NPAGES];

static inline bool place_is_page(unsigned place)
{
    return places[place].end - places[place].start == PAGE_SIZE;
}

/* The place that begins at `addr`, or NPLACES. */
unsigned place_at(uaddr_t addr);
