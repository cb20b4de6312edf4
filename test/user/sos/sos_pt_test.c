/* SOS, M3: pt_test writes each page of an array and reads it back, with 27 pages on the stack and
   27 from malloc, and then with 270. The stack has its default limit. */
#include "test.h"

#define SOS_STACK_ABOVE 0x20000000

/* Two loops, because a page that shows another's frame is noticed only after all were written. */
static void write_and_read_back(char *array, size_t npages)
{
    for (size_t i = 0; i < npages; i++)
        *(volatile size_t *)(array + i * PAGE) = i;
    for (size_t i = 0; i < npages; i++)
        CHECK_EQ(*(volatile size_t *)(array + i * PAGE), i);
}

__attribute__((noinline)) static void pt_test_stack(size_t npages)
{
    char array[npages * PAGE];

    CHECK((uintptr_t)array > SOS_STACK_ABOVE);
    write_and_read_back(array, npages);
}

static void pt_test_heap(size_t npages)
{
    char *array = malloc(npages * PAGE);

    CHECK(array);
    write_and_read_back(array, npages);
    free(array);
}

static void pt_test_passes_with_27_pages(void)
{
    pt_test_stack(27);
    pt_test_heap(27);
}

static void pt_test_passes_with_270_pages(void)
{
    pt_test_stack(270);
    pt_test_heap(270);
}

/* Every frame is tracked, and comes back. */

static void pt_test_in_child(void *unused)
{
    struct counters before = counters_now();

    (void)unused;
    pt_test_stack(270);
    CHECK(counters_since(&before).anon_pages >= 270);
}

static void every_frame_comes_back(void)
{
    struct counters before = counters_now();

    CHECK(exits_with(0, pt_test_in_child, NULL));
    CHECK_EQ(counters_since(&before).anon_pages, 0);
    CHECK_EQ(counters_since(&before).page_tables, 0);
}

/* The program comes through the pager: a page of it is present after its first touch. */

static void code_cannot_be_written(void)
{
    CHECK(dies_by(SIGSEGV, write_byte, (void *)(uintptr_t)code_cannot_be_written));
    CHECK(exits_with(0, read_byte, (void *)(uintptr_t)code_cannot_be_written));
}

#define UNTOUCHED_PAGES 16
static const char untouched[UNTOUCHED_PAGES * PAGE]
    __attribute__((aligned(4096))) = {[0] = 1, [PAGE] = 2, [15 * PAGE] = 3};

static void the_program_comes_page_by_page(void)
{
    number_in("/proc/self/faults", "file_mapped"); /* its own pages come first */
    long before = number_in("/proc/self/faults", "file_mapped");
    CHECK_EQ(peek(untouched), 1);
    CHECK_EQ(peek(untouched + PAGE), 2);
    CHECK_EQ(peek(untouched + 15 * PAGE), 3);
    CHECK_EQ(number_in("/proc/self/faults", "file_mapped"), before + 3);
}

int main(void)
{
    RUN_ON_PAGODA(every_frame_comes_back); /* before the stack has grown here */
    RUN(pt_test_passes_with_27_pages);
    RUN(pt_test_passes_with_270_pages);
    RUN(code_cannot_be_written);
    RUN_ON_PAGODA(the_program_comes_page_by_page);
    return test_end();
}
