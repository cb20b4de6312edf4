/* The stack of a thread that does not run, for the other files of this floor. */
#pragma once

#include <lib/base.h>

/* The registers that context_swap pushes, and pops from the stack that it switches to. */
struct switch_frame {
    uint64_t r15, r14, r13, r12, rbx, rbp, rip;
};
