/* The order of all locks, checked in a DEBUG build (docs/locking.md). Each thread has a record
   of the locks that it holds, and takes only locks of higher ranks. */
#include <arch/spinlock.h>
#include <lib/panic.h>

const char *lock_rank_name(unsigned rank)
{
#define NAME(rank) [rank] = #rank
    static const char *const names[] = {
        NAME(RANK_PROCESS),
        NAME(RANK_MOUNT),
        NAME(RANK_VNODE),
        NAME(RANK_FILES),
        NAME(RANK_WALK),
        NAME(RANK_EXT2),
        NAME(RANK_VSPACE),
        NAME(RANK_CACHE),
        NAME(RANK_SPACES),
        NAME(RANK_TABLE),
        NAME(RANK_PIPE),
        NAME(RANK_ACTIONS),
        NAME(RANK_HEAP),
        NAME(RANK_FRAMES),
        NAME(RANK_INTERRUPT),
        NAME(RANK_WAITQ),
        NAME(RANK_TIMER),
        NAME(RANK_RUNQUEUE),
        NAME(RANK_CONSOLE),
        [RANK_TABLE + 1] = "RANK_TABLE+1",
        [RANK_TABLE + 2] = "RANK_TABLE+2",
        [RANK_TABLE + 3] = "RANK_TABLE+3",
    };
#undef NAME
    return rank < ARRAY_SIZE(names) && names[rank] ? names[rank] : "?";
}

#ifdef DEBUG

/* Returns true for the one rank of which two may be held: a parent directory, then its child. */
static bool may_nest(enum lock_rank rank)
{
    return rank == RANK_VNODE;
}

void lock_check_acquire(enum lock_rank rank, const void *lock)
{
    struct lock_record *held = cpu_read(locks);
    for (unsigned i = 0; i < held->count; i++) {
        bool in_order = held->ranks[i] < rank || (held->ranks[i] == rank && may_nest(rank));
        if (!in_order)
            panic(RULE(7) "lock order: acquiring a lock of %s while holding one of %s",
                  lock_rank_name(rank), lock_rank_name(held->ranks[i]));
    }
    assert(held->count < MAX_LOCKS_HELD);
    /* The record changes as one: an interrupt handler compares with it, and uses what is free. */
    bool irq = irq_save();
    held->locks[held->count] = lock;
    held->ranks[held->count++] = rank;
    irq_restore(irq);
}

/* Locks may be released in any order. */
void lock_check_release(enum lock_rank rank)
{
    struct lock_record *held = cpu_read(locks);
    bool irq = irq_save(); /* as in lock_check_acquire */
    for (unsigned i = held->count; i-- > 0;) {
        if (held->ranks[i] != rank)
            continue;
        for (held->count--; i < held->count; i++) {
            held->ranks[i] = held->ranks[i + 1];
            held->locks[i] = held->locks[i + 1];
        }
        irq_restore(irq);
        return;
    }
    panic(RULE(7) "lock order: releasing a lock of %s that is not held", lock_rank_name(rank));
}

bool lock_check_none_from(enum lock_rank rank)
{
    const struct lock_record *held = cpu_read(locks);
    for (unsigned i = 0; i < held->count; i++)
        if (held->ranks[i] >= rank)
            return false;
    return true;
}

void lock_check_holds_none_from(enum lock_rank rank, const char *what)
{
    const struct lock_record *held = cpu_read(locks);
    for (unsigned i = 0; i < held->count; i++)
        if (held->ranks[i] >= rank)
            panic(RULE(8) "%s while holding the lock 0x%016lx (%s)", what, (uint64_t)held->locks[i],
                  lock_rank_name(held->ranks[i]));
}

bool lock_check_holds(enum lock_rank rank)
{
    const struct lock_record *held = cpu_read(locks);
    for (unsigned i = 0; i < held->count; i++)
        if (held->ranks[i] == rank)
            return true;
    return false;
}

#endif
