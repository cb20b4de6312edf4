/* The slow path of a spinlock. */
#include <arch/hang.h>
#include <arch/spinlock.h>
#include <lib/rule.h>
#include "shootdown.h"

/* Reads the lock, and tries to take it only when it is free, so that waiting does not take the
   cache line from the holder. The holder may be waiting for this CPU to flush a translation, and
   interrupts may be disabled here. So the loop answers shootdowns. */
void spin_wait(struct spinlock *lock)
{
    /* An interrupt handler may spin while the code that it interrupted spins, too. */
    const struct spinlock *outer = hang_set_lock(lock);
    struct patience patience = {};

    lock_stat_contended(lock->rank);
    do {
        while (atomic_load_relaxed(&lock->locked)) {
            shootdown_answer();
            cpu_relax();
            if (unlikely(patience_ends(&patience)))
                hang_report(RULE(7) "spins for a lock");
        }
    } while (!spin_take(lock));
    hang_set_lock(outer);
}
