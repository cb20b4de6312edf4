/* The slow path of a spinlock. */
#include <arch/spinlock.h>
#include "shootdown.h"

/* Reads the lock, and tries to take it only when it is free, so that waiting does not take the
   cache line from the holder. The holder may be waiting for this CPU to flush a translation, and
   interrupts may be disabled here. So the loop answers shootdowns. */
void spin_wait(struct spinlock *lock)
{
    do {
        while (atomic_load_relaxed(&lock->locked)) {
            shootdown_answer();
            cpu_relax();
        }
    } while (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE));
}
