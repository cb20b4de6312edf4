/* xk, lab 3: a stack of ten pages, each of which exists from its first touch on.

   The program runs under RLIMIT_STACK. Its own use of the stack is in the first two pages, so the
   other eight are untouched when a case begins. Each case is a child of its own. */
#include "test.h"

#define STACK_PAGES 10
#define USED_PAGES  2
#define GROWN_PAGES (STACK_PAGES - USED_PAGES)

static char *stack_top(void)
{
    struct region stack;

    CHECK(region_find(__builtin_frame_address(0), &stack));
    return (char *)stack.end;
}

/* Touches the untouched pages from the highest down, as a stack grows. */
static void touch_grown_pages(char *top, void (*touch)(void *))
{
    for (int i = USED_PAGES + 1; i <= STACK_PAGES; i++)
        touch(top - i * PAGE);
}

static void eight_pages_cost_eight_frames(void *touch)
{
    char *top = stack_top();

    CHECK((char *)__builtin_frame_address(0) - 2 * KIB > top - USED_PAGES * PAGE);
    struct counters before = counters_now();
    touch_grown_pages(top, *(void (**)(void *))touch);
    struct counters cost = counters_since(&before);
    CHECK_EQ(cost.anon_pages, GROWN_PAGES);
    CHECK_EQ(cost.minor_fault, GROWN_PAGES);
    touch_grown_pages(top, *(void (**)(void *))touch); /* once more is nothing */
    CHECK_EQ(counters_since(&before).anon_pages, GROWN_PAGES);
}

static void eight_written_pages_cost_eight_frames(void)
{
    void (*touch)(void *) = write_byte;

    CHECK(exits_with(0, eight_pages_cost_eight_frames, &touch));
}

/* A read of the stack maps no shared zero page, because a write is likely to follow. */
static void eight_read_pages_cost_eight_frames(void)
{
    void (*touch)(void *) = read_byte;

    CHECK(exits_with(0, eight_pages_cost_eight_frames, &touch));
}

static void eleven_pages_below_the_top_kill(void)
{
    CHECK(dies_by(SIGSEGV, read_byte, stack_top() - 11 * PAGE));
    CHECK(dies_by(SIGSEGV, write_byte, stack_top() - 11 * PAGE));
    CHECK(dies_by(SIGSEGV, write_byte, stack_top() - STACK_PAGES * PAGE - 1));
}

static void an_access_at_the_top_kills(void)
{
    CHECK(dies_by(SIGSEGV, write_byte, stack_top()));
    if (on_pagoda()) /* Linux may have its vdso there, to read */
        CHECK(dies_by(SIGSEGV, read_byte, stack_top()));
}

/* Calls itself so often that no compiler turns it into a loop. */
__attribute__((noinline)) static void recurse(unsigned depth)
{
    volatile unsigned filling[256];

    filling[0] = filling[255] = depth;
    if (depth > 0)
        recurse(depth - 1);
    CHECK_EQ(filling[0], depth);
    CHECK_EQ(filling[255], depth);
}

static void recurse_without_end(void *unused)
{
    (void)unused;
    recurse(~0u);
}

static void endless_recursion_kills(void)
{
    CHECK(dies_by(SIGSEGV, recurse_without_end, NULL));
}

static void the_kernel_stops_at_the_guard_too(void)
{
    int fd = CHECK_OK(open("/dev/zero", O_RDONLY));

    CHECK_ERR(EFAULT, read(fd, stack_top() - 11 * PAGE, 1));
    CHECK_OK(close(fd));
}

int main(int argc, char **argv)
{
    (void)argc;
    with_ten_page_stack(argv);
    RUN_ON_PAGODA(eight_written_pages_cost_eight_frames);
    RUN_ON_PAGODA(eight_read_pages_cost_eight_frames);
    RUN(eleven_pages_below_the_top_kill);
    RUN(an_access_at_the_top_kills);
    RUN(endless_recursion_kills);
    RUN(the_kernel_stops_at_the_guard_too);
    return test_end();
}
