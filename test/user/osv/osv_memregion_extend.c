/* osv, lab 4: memregion_extend refuses a negative extent and an overlap, each with its own error,
   and then changes nothing. A program sees the region as its heap or as a mapping. The kernel's
   regions themselves are tested on the host. */
#include "test.h"

#define RW (PROT_READ | PROT_WRITE)

static char *the_break(void)
{
    return pagoda_sbrk(0);
}

/* Grows the heap to four pages that end at a page boundary. Returns its start. */
static char *make_heap(void)
{
    CHECK_OK(pagoda_sbrk(page_round_up(the_break()) - the_break()));
    return memset(CHECK_OK(pagoda_sbrk(4 * PAGE)), 'h', 4 * PAGE);
}

static void check_heap(const char *heap)
{
    struct region region;

    CHECK_EQ(the_break(), heap + 4 * PAGE);
    for (size_t i = 0; i < 4 * PAGE; i++)
        CHECK_EQ(heap[i], 'h');
    CHECK(region_find(heap, &region));
    CHECK_EQ(region.end, (uintptr_t)heap + 4 * PAGE);
}

static void a_heap_cannot_end_before_its_start(void)
{
    char *heap = make_heap();

    CHECK_EQ(pagoda_sbrk(-(intptr_t)GIB), heap + 4 * PAGE);
    check_heap(heap);
    CHECK_OK(pagoda_sbrk(-4 * (intptr_t)PAGE));
}

static void a_heap_cannot_overlap(void)
{
    char *heap = make_heap();
    char *next = CHECK_OK(
        mmap(heap + 16 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));

    poke(next, 'n');
    CHECK_ERR(ENOMEM, pagoda_sbrk(32 * PAGE));
    CHECK_ERR(ENOMEM, pagoda_sbrk(12 * PAGE + 1));
    check_heap(heap);
    CHECK(dies_by(SIGSEGV, read_byte, heap + 4 * PAGE));
    CHECK_EQ(peek(next), 'n');
    if (on_pagoda()) { /* up to it is not over it; Linux keeps a page between them */
        CHECK_EQ(pagoda_sbrk(12 * PAGE), heap + 4 * PAGE);
        CHECK_OK(pagoda_sbrk(-12 * (intptr_t)PAGE));
    }
    unmap_pages(next, 1);
    CHECK_EQ(pagoda_sbrk(32 * PAGE), heap + 4 * PAGE);
    CHECK_OK(pagoda_sbrk(-36 * (intptr_t)PAGE));
}

static void a_mapping_has_errors_of_its_own(void)
{
    char *page = map_pages(3) + PAGE;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;

    unmap_pages(page - PAGE, 1);
    unmap_pages(page + PAGE, 1);
    poke(page, 'p');
    CHECK_ERR(EEXIST, mmap(page, PAGE, RW, flags, -1, 0));
    CHECK_ERR(EEXIST, mmap(page - PAGE, 3 * PAGE, RW, flags, -1, 0));
    CHECK_ERR(ENOMEM, mmap(NULL, -PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK_ERR(EINVAL, mmap(NULL, 0, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK_EQ(peek(page), 'p');
    unmap_pages(page, 1);
}

int main(int argc, char **argv)
{
    (void)argc;
    with_ten_page_stack(argv);
    RUN(a_heap_cannot_end_before_its_start);
    RUN(a_heap_cannot_overlap);
    RUN(a_mapping_has_errors_of_its_own);
    return test_end();
}
