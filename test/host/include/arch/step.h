/* Where the simulated machine may do something beside the kernel: another CPU runs for a while, or walks a page table
   ahead of time. Called before every atomic operation, lock and level of a walk. */
#pragma once

#include <lib/base.h>

extern void (*step_hook)(void); /* NULL: nothing happens beside */

static inline void step(void)
{
    if (unlikely(step_hook != NULL))
        step_hook();
}
