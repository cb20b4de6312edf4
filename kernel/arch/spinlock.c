/* The slow path of a spinlock, and the check of the order of all locks in a DEBUG build. */
#include <arch/spinlock.h>
#include <lib/panic.h>
#include "shootdown.h"

/* Looks, and tries only when the lock seems free, so that waiting does not take the holder's cache
   line away. The holder may be waiting for this CPU to forget a translation, and interrupts may be
   off here: so it answers while it waits. */
void spin_wait(struct spinlock *lock)
{
    do {
        while (atomic_load_relaxed(&lock->locked)) {
            shootdown_answer();
            cpu_relax();
        }
    } while (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE));
}

#ifdef DEBUG

/* A parent directory and then its child: the one rank of which two may be held. */
static bool may_nest(enum lock_rank rank)
{
    return rank == RANK_VNODE;
}

void lock_check_acquire(enum lock_rank rank)
{
    struct lock_record *held = cpu_read(locks);
    for (unsigned i = 0; i < held->count; i++) {
        bool in_order = held->ranks[i] < rank || (held->ranks[i] == rank && may_nest(rank));
        if (!in_order)
            panic("lock order: taking rank %d while holding rank %d", rank, held->ranks[i]);
    }
    assert(held->count < MAX_LOCKS_HELD);
    held->ranks[held->count++] = rank;
}

/* Locks may be released in any order. */
void lock_check_release(enum lock_rank rank)
{
    struct lock_record *held = cpu_read(locks);
    for (unsigned i = held->count; i-- > 0;) {
        if (held->ranks[i] != rank)
            continue;
        for (held->count--; i < held->count; i++)
            held->ranks[i] = held->ranks[i + 1];
        return;
    }
    panic("lock order: releasing rank %d, which is not held", rank);
}

bool lock_check_none_from(enum lock_rank rank)
{
    const struct lock_record *held = cpu_read(locks);
    for (unsigned i = 0; i < held->count; i++)
        if (held->ranks[i] >= rank)
            return false;
    return true;
}

#endif
