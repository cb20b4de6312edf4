/* Statistics of locks, for each rank (/proc/lock_stat).

   Every build counts the acquisitions that had to wait, because their path is slow anyway. A DEBUG
   build also counts all acquisitions, and keeps the longest time for which a lock was held; the
   readers of a read-write lock are left out of the latter.

   Each CPU has counts of its own. */
#pragma once

#include <arch/spinlock.h>

struct lock_stat {
    uint64_t contended; /* acquisitions that waited for another thread or CPU */
    uint64_t acquired;  /* DEBUG: all acquisitions */
    uint64_t
        longest_ns; /* DEBUG: the longest hold; under -icount, a nanosecond is an instruction */
};

/* True if this build counts all acquisitions. */
#ifdef DEBUG
#define LOCK_STAT_COUNTS_ALL true
#else
#define LOCK_STAT_COUNTS_ALL false
#endif

/* Returns the statistics of a rank, over all CPUs. */
struct lock_stat lock_stat_of(enum lock_rank rank);
