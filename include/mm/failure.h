/* Allocations that fail because a test asks for it, as Linux's fault injection has it in /proc/PID/fail-nth: the n-th
   allocation of a thread from now on fails, all others go on as ever.

   What is counted is every request for a frame, a run of frames or an object of the heap that its caller must be ready
   to be refused. A slab's frame is not counted beside the object that it is for: so the counts do not depend on what
   the heap has in stock. */
#pragma once

#include <arch/cpu.h>

/* Whether the current thread counts its allocations: asked first, since it takes two instructions. */
static inline bool failure_is_armed(void)
{
    return unlikely(cpu_has(fail_nth));
}

/* Counts so many allocations, 0 or 1; whether it is the one that fails. */
bool failure_is_due(unsigned allocations);

/* How many have been made to fail so far, of all threads. */
uint64_t failure_count(void);
