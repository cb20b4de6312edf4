/* xk, lab 3: the frames that copy-on-write costs, counted: 200 touched pages of heap, and a fork.

   User frames are AnonPages of /proc/meminfo; page tables are counted apart. */
#include "test.h"

#define HEAP_PAGES 200

static void touch_heap(char *heap, void (*touch)(void *))
{
    for (int i = 0; i < HEAP_PAGES; i++)
        touch(heap + i * PAGE);
}

static void count_in_child(void *heap)
{
    struct counters before = counters_now();
    int fds[2];

    touch_heap(heap, read_byte);
    CHECK_EQ(counters_since(&before).anon_pages, 0);
    make_pipe(fds);
    CHECK_OK(write(fds[1], "x", 1));
    CHECK_EQ(CHECK_OK(read(fds[0], (char *)heap + 100 * PAGE, 1)), 1); /* the kernel writes */
    CHECK_EQ(counters_since(&before).anon_pages, 1);
    CHECK_EQ(peek((char *)heap + 100 * PAGE), 'x');
    touch_heap(heap, write_byte);
    CHECK_EQ(counters_since(&before).anon_pages, HEAP_PAGES);
}

static void two_hundred_pages_cost_frames_when_written(void)
{
    struct held_child child;
    char *heap = page_round_up(CHECK_OK(pagoda_sbrk((HEAP_PAGES + 1) * PAGE)));

    touch_heap(heap, write_byte);
    struct counters before = counters_now();
    hold_child(&child, count_in_child, heap);
    CHECK(counters_since(&before).anon_pages <= 100);
    CHECK(exited_with(release_child(&child), 0));
    CHECK_EQ(counters_since(&before).anon_pages, 0);
    CHECK_EQ(counters_since(&before).page_tables, 0);
    CHECK_EQ(peek(heap + 100 * PAGE), 1);
}

int main(int argc, char **argv)
{
    (void)argc;
    pagoda_only();
    with_ten_page_stack(argv);
    RUN(two_hundred_pages_cost_frames_when_written);
    return test_end();
}
