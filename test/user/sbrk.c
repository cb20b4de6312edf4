/* sbrk: the break moves by bytes, promises are free, and what is given back is gone.

   This program never calls malloc, which would move the break too. */
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

/* Moves the break up to the next page boundary. => that address */
static char *align_break(void)
{
    CHECK_OK(pagoda_sbrk(page_round_up(the_break()) - the_break()));
    return the_break();
}

static void it_returns_the_old_break(void)
{
    char *start = the_break();

    CHECK_EQ(the_break(), start);
    CHECK_EQ(pagoda_sbrk(40970), start);
    CHECK_EQ(pagoda_sbrk(-40970), start + 40970);
    CHECK_EQ(the_break(), start);
}

static void shrinking_below_the_start_changes_nothing(void)
{
    char *start = the_break();

    CHECK_EQ(pagoda_sbrk(-1), start);
    CHECK_EQ(the_break(), start);
    CHECK_EQ(pagoda_sbrk(10), start);
    CHECK_EQ(pagoda_sbrk(-100), start + 10);
    CHECK_EQ(the_break(), start + 10);
    CHECK_EQ(pagoda_sbrk(INTPTR_MIN), start + 10);
    CHECK_EQ(the_break(), start + 10);
    CHECK_EQ(pagoda_sbrk(-10), start + 10);
    CHECK_EQ(the_break(), start);
}

static void grow_by_single_bytes(int count)
{
    for (int i = 0; i < count; i++) {
        char *old = the_break();

        CHECK_EQ(pagoda_sbrk(1), old);
        poke(old, 1);
    }
}

static void go_on_by_single_bytes(void *end)
{
    CHECK_EQ(the_break(), end);
    grow_by_single_bytes(5000);
    CHECK_EQ(the_break(), (char *)end + 5000);
}

static void five_thousand_times_one_byte(void)
{
    char *start = the_break();

    grow_by_single_bytes(5000);
    CHECK_EQ(the_break(), start + 5000);
    CHECK(exits_with(0, go_on_by_single_bytes, start + 5000));
    CHECK_EQ(the_break(), start + 5000); /* the child moved its own break only */
    shrink_to(start);
}

static void one_mib_at_once(void)
{
    char *start = the_break();

    CHECK_EQ(pagoda_sbrk(MIB), start);
    poke(start + MIB - 1, 1);
    CHECK_EQ(peek(start + MIB - 1), 1);
    shrink_to(start);
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

static void taken_again_they_read_as_zero(void)
{
    char *start = the_break();
    char *heap = align_break();

    CHECK_OK(pagoda_sbrk(8 * PAGE));
    memset(heap, 'x', 8 * PAGE);
    CHECK_OK(pagoda_sbrk(-5 * (intptr_t)PAGE));
    CHECK_OK(pagoda_sbrk(5 * PAGE));
    CHECK_EQ(peek(heap + 3 * PAGE - 1), 'x');
    CHECK(is_zero(heap + 3 * PAGE, 5 * PAGE));
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

static void it_does_not_grow_into_another_mapping(void)
{
    char *start = the_break();
    char *heap = align_break();
    char *obstacle = CHECK_OK(mmap(heap + 16 * PAGE, PAGE, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));

    poke(obstacle, 'x');
    CHECK_ERR(ENOMEM, pagoda_sbrk(32 * PAGE));
    CHECK_EQ(the_break(), heap);
    CHECK(dies_by(SIGSEGV, read_byte, heap));
    CHECK_EQ(peek(obstacle), 'x');
    CHECK_EQ(pagoda_sbrk(8 * PAGE), heap); /* what does not reach it is not refused */
    unmap_pages(obstacle, 1);
    CHECK_EQ(pagoda_sbrk(32 * PAGE), heap + 8 * PAGE);
    shrink_to(start);
}

static void it_does_not_grow_out_of_the_address_space(void)
{
    char *start = the_break();

    CHECK_ERR(ENOMEM, pagoda_sbrk(INTPTR_MAX));
    CHECK_ERR(ENOMEM, pagoda_sbrk(1L << 47));
    CHECK_ERR(ENOMEM, pagoda_sbrk(0x7ffffffff000 - (intptr_t)start));
    CHECK_EQ(the_break(), start);
}

/* The limit covers the program's data too, which is less than a MiB: so there are 9 or 10 MiB of
   heap in it. */
static void grow_to_the_limit(void *unused)
{
    struct rlimit limit = {10 * MIB + 768 * KIB, 10 * MIB + 768 * KIB};
    long count = 0;
    char *heap;

    (void)unused;
    CHECK_OK(setrlimit(RLIMIT_DATA, &limit));
    while ((heap = pagoda_sbrk(MIB)) != (char *)-1) {
        poke(heap + MIB - 1, 1);
        CHECK(++count <= 10);
    }
    CHECK_EQ(errno, ENOMEM);
    CHECK(count >= 9);
    heap = the_break();
    CHECK_ERR(ENOMEM, pagoda_sbrk(MIB));
    CHECK_EQ(the_break(), heap); /* a refused call has taken nothing */
    CHECK(counters_now().mem_free > 0);
    CHECK_EQ(pagoda_sbrk(PAGE), heap);
    poke(heap + PAGE - 1, 1);
}

static void it_stops_at_the_limit(void)
{
    CHECK(exits_with(0, grow_to_the_limit, NULL));
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
    RUN(it_returns_the_old_break);
    RUN(shrinking_below_the_start_changes_nothing);
    RUN(five_thousand_times_one_byte);
    RUN(one_mib_at_once);
    RUN(the_page_above_the_break_is_not_there);
    RUN(given_back_pages_are_gone);
    RUN(taken_again_they_read_as_zero);
    RUN_ON_PAGODA(shrinking_gives_frames_back_at_once);
    RUN(it_does_not_grow_into_another_mapping);
    RUN(it_does_not_grow_out_of_the_address_space);
    RUN(it_stops_at_the_limit);
    RUN(a_child_shrinks_its_own_heap_only);
    RUN(brk_moves_the_same_break);
    return TEST_PASSED;
}
