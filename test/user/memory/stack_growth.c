/* The stack: it grows by page faults, as far as its limit allows at that moment, and not up to a
   neighbour. What mmap makes with MAP_GROWSDOWN is a stack too.

   xk_stack_growth and osv_grow_stack test what happens at a limit of ten pages; large arrays are in
   sos_pt_test. */
#include "test.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)

/* The distance below the current frame at which the stack is surely untouched. The cases that use
   it run before deep_recursion_keeps_its_frames. */
#define FAR_BELOW (64 * KIB)

static char *stack_page_far_below(void)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);

    return (char *)((here - FAR_BELOW) & ~(PAGE - 1));
}

static void untouched_stack_reads_as_zero(void)
{
    CHECK(is_zero(stack_page_far_below() - 2 * PAGE, PAGE));
}

/* Each frame holds a number, which must still be there when the deeper frames are gone. */
__attribute__((noinline)) static void recurse(unsigned depth)
{
    volatile unsigned filling[256];

    filling[0] = filling[255] = depth;
    if (depth > 0)
        recurse(depth - 1);
    CHECK_EQ(filling[0], depth);
    CHECK_EQ(filling[255], depth);
}

static void deep_recursion_keeps_its_frames(void)
{
    recurse(4 * MIB / KIB);
}

static char *stack_top(void)
{
    struct region stack;

    CHECK(region_find(__builtin_frame_address(0), &stack));
    return (char *)stack.end;
}

static void mappings_keep_clear_of_the_stack(void)
{
    struct rlimit limit;
    char *page = map_pages(1);

    CHECK_OK(getrlimit(RLIMIT_STACK, &limit));
    CHECK((uintptr_t)page + PAGE + limit.rlim_cur + PAGE <= (uintptr_t)stack_top());
    unmap_pages(page, 1);
}

static struct region stack_region(void)
{
    struct region stack;

    CHECK(region_find(__builtin_frame_address(0), &stack));
    return stack;
}

static void limit_stack(size_t size)
{
    struct rlimit limit;

    CHECK_OK(getrlimit(RLIMIT_STACK, &limit));
    limit.rlim_cur = size;
    CHECK_OK(setrlimit(RLIMIT_STACK, &limit));
}

/* Each of the following bodies runs in a child, which ends with 0. */

static void follow_the_limit(void *unused)
{
    char *top = stack_top();

    (void)unused;
    limit_stack(MIB);
    write_byte(top - MIB);
    CHECK(dies_by(SIGSEGV, write_byte, top - MIB - 1));
    limit_stack(12 * MIB);
    write_byte(top - 11 * MIB);
    CHECK_EQ(stack_region().start <= (uintptr_t)top - 11 * MIB, 1);
    CHECK(is_zero(top - 2 * MIB, MIB / 2));
    limit_stack(2 * MIB);
    write_byte(top - 11 * MIB + PAGE);
    CHECK(dies_by(SIGSEGV, write_byte, (char *)stack_region().start - 1));
    limit_stack(12 * MIB);
    write_byte((char *)stack_region().start - 1);
}

static void the_stack_grows_as_far_as_its_limit_is_now(void)
{
    CHECK(exits_with(0, follow_the_limit, NULL));
}

static void count_growth(void *unused)
{
    char *start = (char *)stack_region().start;
    size_t size = 0;
    FILE *statm = fopen("/proc/self/statm", "r");

    (void)unused;
    CHECK(statm && fscanf(statm, "%zu", &size) == 1);
    fclose(statm);
    struct rlimit limit = {size * PAGE + 64 * PAGE, RLIM_INFINITY};
    CHECK_OK(setrlimit(RLIMIT_AS, &limit));
    CHECK(dies_by(SIGSEGV, write_byte, start - 80 * PAGE));
    write_byte(start - 32 * PAGE);
    CHECK(dies_by(SIGSEGV, write_byte, start - 80 * PAGE));
    CHECK_ERR(ENOMEM, mmap(NULL, 48 * PAGE, RW, ANON, -1, 0));
}

static void a_stack_that_grows_counts_for_the_address_space(void)
{
    CHECK(exits_with(0, count_growth, NULL));
}

/* Maps a page 300 pages below the stack. */
static char *map_neighbour(int prot)
{
    char *neighbour = (char *)stack_region().start - 300 * PAGE;

    CHECK_EQ(CHECK_OK(mmap(neighbour, PAGE, prot, ANON | MAP_FIXED, -1, 0)), neighbour);
    return neighbour;
}

static void grow_towards_a_neighbour(void *unused)
{
    char *neighbour = map_neighbour(RW);

    (void)unused;
    CHECK(dies_by(SIGSEGV, write_byte, neighbour + PAGE));
    CHECK(dies_by(SIGSEGV, write_byte, neighbour + 256 * PAGE));
    write_byte(neighbour + 257 * PAGE);
    CHECK_ERR(EFAULT, syscall(SYS_getcwd, neighbour + 200 * PAGE, PAGE));
    CHECK_OK(mprotect(neighbour, PAGE, PROT_NONE));
    write_byte(neighbour + PAGE);
}

static void a_stack_does_not_grow_up_to_a_neighbour(void)
{
    CHECK(exits_with(0, grow_towards_a_neighbour, NULL));
}

static void map_into_the_guard(void *unused)
{
    char *start = (char *)stack_region().start;
    char *wish = start - 100 * PAGE;

    (void)unused;
    CHECK(CHECK_OK(mmap(wish, PAGE, RW, ANON, -1, 0)) != (void *)wish);
    CHECK_EQ(CHECK_OK(mmap(wish, PAGE, RW, ANON | MAP_FIXED, -1, 0)), wish);
    write_byte(wish);
    CHECK(dies_by(SIGSEGV, write_byte, start - 1));
}

static void a_program_may_insist_on_a_place_in_the_guard(void)
{
    CHECK(exits_with(0, map_into_the_guard, NULL));
}

static void cut_the_stack(void *unused)
{
    char *start = (char *)stack_region().start - 64 * PAGE;

    (void)unused;
    write_byte(start);
    unmap_pages(start, 40);
    write_byte(start + 20 * PAGE);
    CHECK_EQ(stack_region().start, (uintptr_t)start + 20 * PAGE);
    unmap_pages(start + 30 * PAGE, 10);
    write_byte(start + 35 * PAGE); /* in the hole between two parts of a stack */
    write_byte(start + 30 * PAGE);
    CHECK_OK(mprotect(start + 20 * PAGE, PAGE, PROT_READ));
    CHECK(dies_by(SIGSEGV, write_byte, start + 19 * PAGE));
    read_byte(start + 19 * PAGE); /* it has grown with the rights of its lowest page */
}

static void a_stack_that_was_cut_grows_again(void)
{
    CHECK(exits_with(0, cut_the_stack, NULL));
}

static void the_kernel_grows_the_stack_too(void)
{
    char *below = (char *)stack_region().start - 3 * PAGE;

    CHECK_OK(syscall(SYS_getcwd, below, PAGE));
    CHECK(stack_region().start <= (uintptr_t)below);
}

static void a_mapping_can_grow_down(void)
{
    char *hole = map_hole(600);
    char *stack = hole + 590 * PAGE;

    CHECK_EQ(CHECK_OK(mmap(stack, PAGE, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0)), stack);
    write_byte(stack - 1);
    write_byte(stack - 200 * PAGE);
    unmap_pages(hole, 600);
    CHECK(dies_by(SIGSEGV, write_byte, stack - 1));
}

int main(void)
{
    RUN(untouched_stack_reads_as_zero);
    RUN(the_kernel_grows_the_stack_too);
    RUN(a_stack_that_was_cut_grows_again);
    RUN(the_stack_grows_as_far_as_its_limit_is_now);
    RUN(a_stack_that_grows_counts_for_the_address_space);
    RUN(a_stack_does_not_grow_up_to_a_neighbour);
    RUN(a_program_may_insist_on_a_place_in_the_guard);
    RUN(a_mapping_can_grow_down);
    RUN(deep_recursion_keeps_its_frames);
    RUN(mappings_keep_clear_of_the_stack);
    return test_end();
}
