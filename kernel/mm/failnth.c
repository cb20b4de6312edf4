/* Allocations that fail because a test asks for it (mm/failnth.h). The current thread counts its
   own countdown down; others may only set it anew. */

#include <arch/atomic.h>
#include <mm/failnth.h>

static uint64_t failures; /* (a) */

unsigned failnth_left(void)
{
    const unsigned *left = cpu_read(fail_nth); /* NULL: 0 when this thread got the CPU again */

    return left ? atomic_load_relaxed(left) : 0;
}

bool failnth_is_due(unsigned allocations)
{
    unsigned *left = cpu_read(fail_nth), nth = failnth_left();

    if (!nth || !allocations)
        return false;
    atomic_store_relaxed(left, nth - 1);
    if (nth > 1)
        return false;
    (void)atomic_add_fetch(&failures, 1ul);
    return true;
}

uint64_t failnth_count(void)
{
    return atomic_load_relaxed(&failures);
}
