/* The report of a hang: a CPU or a thread has waited for so long that nothing will end the wait. */
#pragma once

#include <lib/base.h>

struct spinlock;

/* How long a CPU has spun in one wait. It begins as zeros. */
struct patience {
    unsigned turns;
    uint64_t seen_ns; /* monotonic, at the last look at the clock */
    uint64_t spun_ns;
};

/* Counts a turn of a loop that waits. Returns true about once in two seconds of spinning. The time
   in which the whole machine stood still does not count. Before the clock runs, returns false. */
bool patience_ends(struct patience *patience);

/* Makes all CPUs report where they are, one after the other (sys/where.c), at most once a minute.
   `what` says what the current CPU does, as in RULE(7) "spins for a lock". If CPUs spin for each
   other's locks, panics with their names. The caller may hold locks, and interrupts may be off. */
void hang_report(const char *what);

/* Returns what this CPU reported as a hang, while the report is made; else NULL. */
const char *hang_reason(void);

/* Sets the lock for which this CPU spins; NULL: none. Returns the one before. Preemption is
   disabled. */
const struct spinlock *hang_set_lock(const struct spinlock *lock);

/* Returns the lock for which a CPU spins, or NULL. For reports. */
const struct spinlock *hang_lock_of(unsigned cpu);
