/* The table of places (places.h). */

#include "places.h"

#define PAGE_AT(base, n)                                       \
    {                                                          \
        (base) + (n)*PAGE_SIZE, (base) + ((n) + 1) * PAGE_SIZE \
    }
#define PAGES_8(base)                                                                         \
    PAGE_AT(base, 0), PAGE_AT(base, 1), PAGE_AT(base, 2), PAGE_AT(base, 3), PAGE_AT(base, 4), \
        PAGE_AT(base, 5), PAGE_AT(base, 6), PAGE_AT(base, 7)
#define SIZE_8 (8 * PAGE_SIZE)

/* The bytes that one entry of a table covers. level_span is a function, so the constant table
   needs this macro. */
#define SPAN(level) (PAGE_SIZE << 9 * ((level)-1))

#define PROGRAM_BASE  (0x600000ul - SIZE_8)
#define GIB_BASE      (SPAN(3) - 4 * PAGE_SIZE)
#define HALF_TIB_BASE (SPAN(4) - 4 * PAGE_SIZE)
#define TWIN_BASE     (600 * SPAN(3))
#define TWIN_2_BASE   (700 * SPAN(3))
#define STACK_BASE    (USER_END - SIZE_8)
#define GUARD_BASE    (STACK_BASE - STACK_GUARD_SIZE)
#define TOP_BASE      (GUARD_BASE - SIZE_8)

/* Two pages at the start, and two before each of the ends of the tables at levels 1 and 2. */
#define PAGES_2(base) PAGE_AT(base, 0), PAGE_AT(base, 1)
#define TWIN_AT(base)                                                          \
    PAGES_2(base), {(base) + 2 * PAGE_SIZE, (base) + SPAN(2) - 2 * PAGE_SIZE}, \
        PAGES_2((base) + SPAN(2) - 2 * PAGE_SIZE),                             \
        {(base) + SPAN(2), (base) + SPAN(3) - 2 * PAGE_SIZE},                  \
        PAGES_2((base) + SPAN(3) - 2 * PAGE_SIZE)

const struct place places[NPLACES] = {
    PAGES_8(USER_START),
    {USER_START + SIZE_8, PROGRAM_BASE},
    PAGES_8(PROGRAM_BASE),
    PAGES_8(PROGRAM_BASE + SIZE_8),
    {PROGRAM_BASE + 2 * SIZE_8, GIB_BASE},
    PAGES_8(GIB_BASE),
    {GIB_BASE + SIZE_8, HALF_TIB_BASE},
    PAGES_8(HALF_TIB_BASE),
    {HALF_TIB_BASE + SIZE_8, TWIN_BASE},
    TWIN_AT(TWIN_BASE),
    {TWIN_BASE + SPAN(3), TWIN_2_BASE},
    TWIN_AT(TWIN_2_BASE),
    {TWIN_2_BASE + SPAN(3), TOP_BASE},
    PAGES_8(TOP_BASE),
    {GUARD_BASE, STACK_BASE},
    PAGES_8(STACK_BASE),
};

#define COUNT_8(first)                                                                     \
    (first), (first) + 1, (first) + 2, (first) + 3, (first) + 4, (first) + 5, (first) + 6, \
        (first) + 7

#define COUNT_TWIN(first) (first), (first) + 1, (first) + 3, (first) + 4, (first) + 6, (first) + 7

const uint8_t page_places[NPAGES] = {
    COUNT_8(BOTTOM),  COUNT_8(PROGRAM),   COUNT_8(PROGRAM + 8), COUNT_8(GIB),   COUNT_8(HALF_TIB),
    COUNT_TWIN(TWIN), COUNT_TWIN(TWIN_2), COUNT_8(TOP),         COUNT_8(STACK),
};

unsigned place_at(uaddr_t addr)
{
    unsigned place = 0;

    while (place < NPLACES && places[place].start != addr)
        place++;
    return place;
}
