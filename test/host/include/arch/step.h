/* Points at which the simulated machine can act beside the kernel: another CPU runs, or a CPU
   walks a page table ahead of time. The kernel's code calls step() before every atomic
   operation, lock and level of a walk. */
#pragma once

#include <lib/base.h>

extern void (*step_hook)(void); /* NULL: a step does nothing */

static inline void step(void)
{
    if (unlikely(step_hook != NULL))
        step_hook();
}
