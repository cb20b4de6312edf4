/* Locks that sleep. Holders may sleep, allocate memory and read disks. A holder of RANK_VSPACE or
   above must not touch user memory. DEBUG builds check the ranks, as for spinlocks. */
#pragma once

#include <sched/waitq.h>

struct mutex {
    struct spinlock lock; /* RANK_PIPE; guards the rest; only a waitq is taken under it */
    bool held;
    uint8_t rank;
    unsigned tickets, served; /* taken by those that lock it, in their order; and given back */
    struct waitq waiters;     /* in the order of their tickets */
};

void mutex_init(struct mutex *mutex, enum lock_rank rank);
void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);
bool mutex_is_held(const struct mutex *mutex);

/* Many readers or one writer. A waiting writer keeps new readers out, so that it is not starved;
   therefore a reader must not take the same lock again. */
struct rwlock {
    struct spinlock lock; /* RANK_PIPE; guards the rest */
    int holders;          /* -1: one writer; n: n readers */
    unsigned writers_wait;
    uint8_t rank;
    struct waitq waiters;
};

void rwlock_init(struct rwlock *rw, enum lock_rank rank);
void rwlock_read_lock(struct rwlock *rw);
void rwlock_read_unlock(struct rwlock *rw);
void rwlock_write_lock(struct rwlock *rw);
void rwlock_write_unlock(struct rwlock *rw);

/* Return true if a thread holds the lock for writing, or in any way. Used in assertions. */
static inline bool rwlock_is_write_held(const struct rwlock *rw)
{
    return rw->holders == -1;
}

static inline bool rwlock_is_held(const struct rwlock *rw)
{
    return rw->holders != 0;
}
