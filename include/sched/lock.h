/* Locks that sleep: the mutex, and the read-write lock of sched/rwlock.h. Holders may sleep,
   allocate memory and read disks. A holder of RANK_VSPACE or above must not touch user memory.
   DEBUG builds check the ranks, as for spinlocks. */
#pragma once

#include <sched/rwlock.h>

struct mutex {
    struct spinlock lock; /* RANK_PIPE; guards the rest; only a waitq is taken under it */
    bool held;
    uint8_t rank;
    const struct thread *next; /* the only thread that may take it; NULL: any may */
    uint64_t since_ns;         /* DEBUG: when the holder got it */
    struct waitq waiters;
};

void mutex_init(struct mutex *mutex, enum lock_rank rank);
void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);
bool mutex_is_held(const struct mutex *mutex);
