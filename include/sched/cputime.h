/* How the CPU time of a thread, or of a CPU, divides into user mode and kernel mode.

   The sum is exact: every switch of threads reads the clock. The division is an estimate, because
   reading the clock at each system call would cost more. Each tick counts the mode that it has
   interrupted, and the sum is divided in the proportion of these counts, as on Linux. */
#pragma once

#include <lib/base.h>

struct cputime_samples {
    uint64_t user, kernel;       /* ticks that came in each mode; written where they arrive */
    uint64_t user_ns, kernel_ns; /* (cputime_lock) as they were returned last */
};

struct cputime {
    uint64_t user_ns, kernel_ns;
};

/* Divides `sum_ns`, which must never decrease. Neither part ever decreases, and together they are
   the largest sum that was asked for. Lock: RANK_PIPE, taken inside. */
struct cputime cputime_divide(struct cputime_samples *samples, uint64_t sum_ns);
