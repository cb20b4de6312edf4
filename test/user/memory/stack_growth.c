/* The stack: it is promised down to its limit, it grows by page faults, and nothing is mapped
   beyond its two ends.

   The limit is the default. xk_stack_growth and osv_grow_stack test what happens at a limit of ten
   pages; large arrays are in sos_pt_test. */
#include "test.h"

#include <sys/resource.h>

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

static void nothing_is_mapped_into_the_guard(void)
{
    struct rlimit limit;

    CHECK_OK(getrlimit(RLIMIT_STACK, &limit));
    char *guard = stack_top() - limit.rlim_cur - PAGE;
    CHECK_ERR(ENOMEM, mmap(guard, PAGE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}

int main(void)
{
    RUN(untouched_stack_reads_as_zero);
    RUN(deep_recursion_keeps_its_frames);
    RUN(mappings_keep_clear_of_the_stack);
    RUN_ON_PAGODA(nothing_is_mapped_into_the_guard);
    return test_end();
}
