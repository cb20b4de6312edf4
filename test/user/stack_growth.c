/* The stack: promised down to its limit, it grows by page faults, and nothing is mapped beyond its
   two ends.

   The limit is RLIMIT_STACK as it was at exec. The cases on limits run in this program, started
   again under a limit of 40 KiB: ten pages, as in xk and osv. */
#include "test.h"

#include <sys/resource.h>

/* How far below the current frame the stack is surely untouched. The cases that use it run before
   deep_recursion. */
#define FAR_BELOW (64 * KIB)

static char *stack_page_far_below(void)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);

    return (char *)((here - FAR_BELOW) & ~(PAGE - 1));
}

/* Eight consecutive pages, from the highest down, as a stack grows. */
static void touch_eight_pages(void (*touch)(void *))
{
    char *page = stack_page_far_below();

    for (int i = 0; i < 8; i++)
        touch(page - i * PAGE);
}

static void eight_pages_cost_eight_frames(void *touch)
{
    struct counters before = counters_now();

    touch_eight_pages(*(void (**)(void *))touch);
    struct counters cost = counters_since(&before);
    CHECK_EQ(cost.anon_pages, 8);
    CHECK(cost.minor_fault >= 8);
}

static void eight_written_pages(void)
{
    void (*touch)(void *) = write_byte;

    CHECK(exits_with(0, eight_pages_cost_eight_frames, &touch));
}

/* The stack shares no zero page: what is read there will be written soon. */
static void eight_read_pages(void)
{
    void (*touch)(void *) = read_byte;

    CHECK(exits_with(0, eight_pages_cost_eight_frames, &touch));
}

static void untouched_stack_reads_as_zero(void)
{
    CHECK(is_zero(stack_page_far_below() - 2 * PAGE, PAGE));
}

static void the_kernel_uses_untouched_stack(void)
{
    char buffer[8 * PAGE];
    int fds[2];

    make_pipe(fds);
    CHECK_EQ(CHECK_OK(write(fds[1], buffer + 4 * PAGE, 1)), 1);
    CHECK_EQ(CHECK_OK(read(fds[0], buffer + PAGE, PAGE)), 1);
    CHECK_OK(write(fds[1], "hello", 5));
    CHECK_EQ(CHECK_OK(read(fds[0], buffer + 3 * PAGE - 2, PAGE)), 5);
    CHECK(memcmp(buffer + 3 * PAGE - 2, "hello", 5) == 0);
    close(fds[0]);
    close(fds[1]);
}

/* SOS's pt_test: an array of npages on the stack, each page written, then each read back. */
__attribute__((noinline)) static void pt_test(size_t npages)
{
    char array[npages * PAGE];

    CHECK((uintptr_t)array > 0x20000000);
    for (size_t i = 0; i < npages; i++)
        *(volatile size_t *)(array + i * PAGE) = i;
    for (size_t i = 0; i < npages; i++)
        CHECK_EQ(*(volatile size_t *)(array + i * PAGE), i);
}

static void pt_test_27_and_270_pages(void)
{
    pt_test(27);
    pt_test(270);
}

/* Each frame holds a number that must be there still when the frames below are gone. */
__attribute__((noinline)) static void recurse(unsigned depth)
{
    volatile unsigned filling[256];

    filling[0] = filling[255] = depth;
    if (depth > 0)
        recurse(depth - 1);
    CHECK_EQ(filling[0], depth);
    CHECK_EQ(filling[255], depth);
}

static void deep_recursion(void)
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

static void nothing_is_mapped_into_the_guard(void)
{
    struct rlimit limit;

    CHECK_OK(getrlimit(RLIMIT_STACK, &limit));
    char *guard = stack_top() - limit.rlim_cur - PAGE;
    CHECK_ERR(ENOMEM, mmap(guard, PAGE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}

/* Under the limit of ten pages. */

#define LIMIT_PAGES 10

static void all_ten_pages_can_be_used(void)
{
    for (size_t i = 1; i <= LIMIT_PAGES; i++)
        write_byte(stack_top() - i * PAGE);
}

static void the_eleventh_page_is_the_guard(void)
{
    CHECK(dies_by(SIGSEGV, write_byte, stack_top() - LIMIT_PAGES * PAGE - 1));
    CHECK(dies_by(SIGSEGV, read_byte, stack_top() - (LIMIT_PAGES + 1) * PAGE));
    CHECK(dies_by(SIGSEGV, write_byte, stack_top() - (LIMIT_PAGES + 1) * PAGE));
}

static void nothing_is_above_the_top(void)
{
    CHECK(dies_by(SIGSEGV, write_byte, stack_top()));
    if (on_pagoda()) /* Linux may have its vdso there, to read */
        CHECK(dies_by(SIGSEGV, read_byte, stack_top()));
}

static void recurse_without_end(void *unused)
{
    (void)unused;
    recurse(~0u);
}

static void endless_recursion_dies(void)
{
    CHECK(dies_by(SIGSEGV, recurse_without_end, NULL));
}

static void the_guard_is_closed_to_the_kernel(void)
{
    int fd = CHECK_OK(open("/dev/zero", O_RDONLY));

    CHECK_ERR(EFAULT, read(fd, stack_top() - (LIMIT_PAGES + 1) * PAGE, 1));
    CHECK_OK(close(fd));
}

static int run_limited_cases(void)
{
    RUN(all_ten_pages_can_be_used);
    RUN(the_eleventh_page_is_the_guard);
    RUN(nothing_is_above_the_top);
    RUN(endless_recursion_dies);
    RUN(the_guard_is_closed_to_the_kernel);
    return TEST_PASSED;
}

static void exec_with_ten_pages(void *unused)
{
    struct rlimit limit = {LIMIT_PAGES * PAGE, LIMIT_PAGES * PAGE};
    char *argv[] = {(char *)self_path(), "limited", NULL};

    (void)unused;
    CHECK_OK(setrlimit(RLIMIT_STACK, &limit));
    CHECK_OK(
        execve(argv[0], argv, (char *[]){NULL})); /* a large environment might fill the stack */
}

static void a_limit_of_ten_pages(void)
{
    CHECK(exits_with(TEST_PASSED, exec_with_ten_pages, NULL));
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return run_limited_cases();
    RUN_ON_PAGODA(eight_written_pages);
    RUN_ON_PAGODA(eight_read_pages);
    RUN(untouched_stack_reads_as_zero);
    RUN(the_kernel_uses_untouched_stack);
    RUN(pt_test_27_and_270_pages);
    RUN(deep_recursion);
    RUN(mappings_keep_clear_of_the_stack);
    RUN_ON_PAGODA(nothing_is_mapped_into_the_guard);
    RUN(a_limit_of_ten_pages);
    return TEST_PASSED;
}
