/* xv6, lazy lab: sbrk(1 GiB) on a machine with much less memory. Only touched pages exist. */
#include "test.h"

/* Writes the offset of every stride-th page of the heap into the page. */
static void mark_pages(char *heap, size_t len, size_t stride)
{
    for (size_t at = 0; at < len; at += stride * PAGE)
        *(size_t *)(heap + at) = at;
}

static void check_marks(char *heap, size_t len, size_t stride)
{
    for (size_t at = 0; at < len; at += stride * PAGE)
        CHECK_EQ(*(size_t *)(heap + at), at);
}

/* "lazy alloc" */
static void every_64th_page_of_one_gib_can_be_used(void)
{
    struct counters before = counters_now();
    char *heap = page_round_up(CHECK_OK(pagoda_sbrk(GIB + PAGE)));

    if (on_pagoda())
        CHECK_EQ(counters_since(&before).anon_pages, 0);
    mark_pages(heap, GIB, 64);
    check_marks(heap, GIB, 64);
    if (on_pagoda())
        CHECK_EQ(counters_since(&before).anon_pages, GIB / PAGE / 64);
    CHECK_OK(pagoda_sbrk(-(intptr_t)(GIB + PAGE)));
    if (on_pagoda())
        CHECK_EQ(counters_since(&before).anon_pages, 0);
}

static void give_back_and_write(void *heap)
{
    CHECK_OK(pagoda_sbrk(-(intptr_t)GIB));
    poke((char *)heap + 4096 * PAGE, 1);
}

/* "lazy unmap" */
static void a_child_gives_the_gib_back_and_writes(void)
{
    char *heap = page_round_up(CHECK_OK(pagoda_sbrk(GIB + PAGE)));

    mark_pages(heap, GIB, 4096);
    CHECK(dies_by(SIGSEGV, give_back_and_write, heap));
    check_marks(heap, GIB, 4096);
    CHECK_OK(pagoda_sbrk(-(intptr_t)(GIB + PAGE)));
}

int main(void)
{
    RUN(every_64th_page_of_one_gib_can_be_used);
    RUN(a_child_gives_the_gib_back_and_writes);
    return test_end();
}
