/* xv6, lazy lab: pages that are given back by sbrk are gone, and read as zero when they are
   taken again. This holds for the program and for the kernel, and for pages that were shared in
   between. */
#include "test.h"

#define HEAP_PAGES 8
#define KEPT_PAGES 3

/* Makes a filled heap that begins at a page boundary. */
static char *make_heap(void)
{
    char *end = pagoda_sbrk(0);

    CHECK_OK(pagoda_sbrk(page_round_up(end) - end));
    return memset(CHECK_OK(pagoda_sbrk(HEAP_PAGES * PAGE)), 'x', HEAP_PAGES * PAGE);
}

static void give_back_and_take_again(void)
{
    CHECK_OK(pagoda_sbrk(-(HEAP_PAGES - KEPT_PAGES) * (intptr_t)PAGE));
    CHECK_OK(pagoda_sbrk((HEAP_PAGES - KEPT_PAGES) * PAGE));
}

static void check_new_pages(char *heap)
{
    CHECK_EQ(peek(heap + KEPT_PAGES * PAGE - 1), 'x');
    CHECK(is_zero(heap + KEPT_PAGES * PAGE, (HEAP_PAGES - KEPT_PAGES) * PAGE));
}

static void taken_again_they_read_as_zero(void)
{
    char *heap = make_heap();

    give_back_and_take_again();
    check_new_pages(heap);
    CHECK_OK(pagoda_sbrk(-HEAP_PAGES * (intptr_t)PAGE));
}

static void the_kernel_finds_zeros_too(void)
{
    char *heap = make_heap();
    static char received[PAGE];
    int fds[2];

    give_back_and_take_again();
    make_pipe(fds);
    CHECK_EQ(write(fds[1], heap + KEPT_PAGES * PAGE, PAGE), PAGE);
    memset(received, 'r', sizeof(received));
    CHECK_EQ(read(fds[0], received, PAGE), PAGE);
    CHECK(is_zero(received, PAGE));
    close(fds[0]);
    close(fds[1]);
    CHECK_OK(pagoda_sbrk(-HEAP_PAGES * (intptr_t)PAGE));
}

static void check_old_pages(void *heap)
{
    for (size_t i = 0; i < HEAP_PAGES * PAGE; i++)
        CHECK_EQ(((char *)heap)[i], 'x');
}

static void a_sharer_keeps_the_old_pages(void)
{
    struct held_child sharer;
    char *heap = make_heap();

    hold_child(&sharer, check_old_pages, heap);
    give_back_and_take_again();
    check_new_pages(heap);
    memset(heap, 'y', HEAP_PAGES * PAGE);
    CHECK(exited_with(release_child(&sharer), 0));
    CHECK_OK(pagoda_sbrk(-HEAP_PAGES * (intptr_t)PAGE));
}

int main(void)
{
    RUN(taken_again_they_read_as_zero);
    RUN(the_kernel_finds_zeros_too);
    RUN(a_sharer_keeps_the_old_pages);
    return test_end();
}
