/* Allocations that fail on request, as with /proc/PID/fail-nth of Linux's fault injection. The
   n-th allocation of a thread from now on fails; all others behave as usual.

   An allocation is every request for a frame, a run of frames or an object of the heap whose
   caller must be ready for NULL. The frame of a slab is not counted, so the counts do not depend
   on the heap's free objects. */
#pragma once

#include <arch/cpu.h>

/* Returns true if the current thread counts its allocations. Asked first, because it takes two
   instructions. */
static inline bool failnth_is_armed(void)
{
    return unlikely(cpu_has(fail_nth));
}

/* Counts `allocations` (0 or 1) requests of the current thread. Returns true if this request must
   fail. */
bool failnth_is_due(unsigned allocations);

/* Returns how many requests of the current thread are left until one fails; 0: none is to fail. */
unsigned failnth_left(void);

/* Returns how many requests have been made to fail since boot, over all threads. */
uint64_t failnth_count(void);
