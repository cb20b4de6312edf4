/* sbrk: the break moves by bytes, promises are free, and memory that is given back is gone.

   The tests of the courses say more: xk_sbrk_small, xk_sbrk_large, osv_sbrk_decrement,
   osv_memregion_extend, xv6_lazy_unmap. This program never calls malloc, which would move the break
   too. */
#include "test.h"

#include <limits.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static char *the_break(void)
{
    return pagoda_sbrk(0);
}

/* Shrinks the heap to where it began. */
static void shrink_to(char *start)
{
    CHECK_OK(pagoda_sbrk(start - the_break()));
    CHECK_EQ(the_break(), start);
}

/* Moves the break up to the next page boundary. Returns that address. */
static char *align_break(void)
{
    CHECK_OK(pagoda_sbrk(page_round_up(the_break()) - the_break()));
    return the_break();
}

static void the_page_above_the_break_is_not_there(void)
{
    char *start = the_break();
    char *end = align_break();

    CHECK(dies_by(SIGSEGV, read_byte, end));
    CHECK(dies_by(SIGSEGV, write_byte, end));
    CHECK(dies_by(SIGSEGV, read_byte, end + 10 * PAGE)); /* as xk's lab asks */
    CHECK_OK(pagoda_sbrk(1));
    CHECK(exits_with(0, write_byte, end + PAGE - 1)); /* the region is in whole pages */
    CHECK(dies_by(SIGSEGV, write_byte, end + PAGE));
    shrink_to(start);
}

static void given_back_pages_are_gone(void)
{
    char *start = the_break();
    char *heap = align_break();

    CHECK_OK(pagoda_sbrk(8 * PAGE));
    memset(heap, 'x', 8 * PAGE);
    CHECK_OK(pagoda_sbrk(-5 * (intptr_t)PAGE));
    CHECK(exits_with(0, read_byte, heap + 3 * PAGE - 1));
    CHECK(dies_by(SIGSEGV, read_byte, heap + 3 * PAGE));
    shrink_to(start);
}

static void shrinking_gives_frames_back_at_once(void)
{
    char *start = the_break();
    char *heap = align_break();
    struct counters before = counters_now();

    CHECK_OK(pagoda_sbrk(100 * PAGE));
    memset(heap, 'x', 100 * PAGE);
    CHECK_EQ(counters_since(&before).anon_pages, 100);
    CHECK_OK(pagoda_sbrk(-40 * (intptr_t)PAGE));
    CHECK_EQ(counters_since(&before).anon_pages, 60);
    CHECK_OK(pagoda_sbrk(-1)); /* a page stays until its last byte is given back */
    CHECK_EQ(counters_since(&before).anon_pages, 60);
    CHECK_OK(pagoda_sbrk(-(intptr_t)PAGE + 1));
    CHECK_EQ(counters_since(&before).anon_pages, 59);
    shrink_to(start);
    CHECK_EQ(counters_since(&before).anon_pages, 0);
}

static void it_does_not_grow_out_of_the_address_space(void)
{
    char *start = the_break();

    CHECK_ERR(ENOMEM, pagoda_sbrk(INTPTR_MAX));
    CHECK_ERR(ENOMEM, pagoda_sbrk(1L << 47));
    CHECK_ERR(ENOMEM, pagoda_sbrk(0x7ffffffff000 - (intptr_t)start));
    CHECK_EQ(the_break(), start);
}

static void shrink_and_regrow(void *start)
{
    size_t len = the_break() - (char *)start;

    shrink_to(start);
    CHECK_OK(pagoda_sbrk(len));
    memset(page_round_up(start), 'c', PAGE);
}

static void a_child_shrinks_its_own_heap_only(void)
{
    char *start = the_break();
    char *heap = align_break();

    CHECK_OK(pagoda_sbrk(8 * PAGE));
    memset(heap, 'p', 8 * PAGE);
    CHECK(exits_with(0, shrink_and_regrow, start));
    CHECK_EQ(the_break(), heap + 8 * PAGE);
    for (size_t i = 0; i < 8 * PAGE; i++)
        CHECK_EQ(heap[i], 'p');
    shrink_to(start);
}

static void brk_moves_the_same_break(void)
{
    char *start = the_break();

    CHECK_EQ(syscall(SYS_brk, 0), start);
    CHECK_EQ(syscall(SYS_brk, start + 12345), start + 12345);
    CHECK_EQ(the_break(), start + 12345);
    poke(start + 12344, 1);
    CHECK_EQ(syscall(SYS_brk, 1L << 47), start + 12345); /* refused: the break as it is */
    CHECK_EQ(syscall(SYS_brk, start - 1), start + 12345);
    CHECK_EQ(syscall(SYS_brk, start), start);
}

int main(void)
{
    RUN(the_page_above_the_break_is_not_there);
    RUN(given_back_pages_are_gone);
    RUN_ON_PAGODA(shrinking_gives_frames_back_at_once);
    RUN(it_does_not_grow_out_of_the_address_space);
    RUN(a_child_shrinks_its_own_heap_only);
    RUN(brk_moves_the_same_break);
    return test_end();
}
