/* Locks that spin. Preemption is disabled while one is held: the holder stays on its CPU, and must
   not sleep. A lock that an interrupt handler takes is taken with the _irq forms everywhere. A CPU
   that spins keeps answering TLB shootdowns.

   The order of all locks is their rank (docs/locking.md): a thread acquires a lock only if it holds
   none of the same rank or above. RANK_VNODE alone nests, a parent directory before its child. A
   DEBUG build checks the order, of the sleeping locks of sched/lock.h too.

   A CPU that spins for seconds reports where all CPUs are, and which lock each one spins for
   (arch/hang.h). */
#pragma once

#include <arch/atomic.h>
#include <arch/cpu.h>

enum lock_rank {
    RANK_NONE = 0,
    RANK_PROCESS = 10,   /* 1: the process tree; sleeps */
    RANK_MOUNT = 15,     /* 2: the mounts; sleeps */
    RANK_VNODE = 20,     /* 2: a file or directory; sleeps; a parent before its child */
    RANK_FILES = 25,     /* 2: a descriptor table; sleeps */
    RANK_WALK = 28,      /* 2: the entries that show pages of a file; sleeps */
    RANK_EXT2 = 29,      /* 2: the metadata of a file system on a disk; sleeps */
    RANK_VSPACE = 30,    /* 3: an address space; sleeps */
    RANK_CACHE = 40,     /* 4: the pages of a file or object; sleeps */
    RANK_SPACES = 45,    /* 5: the list of all address spaces */
    RANK_TABLE = 50,     /* 5: a root table; from the root down, 51 to 53 are the levels below it */
    RANK_PIPE = 60,      /* 6: a pipe, the terminal, a process's signals */
    RANK_ACTIONS = 61,   /* 6: the actions of signals, inside a process's signals */
    RANK_HEAP = 70,      /* 7: the kernel heap */
    RANK_FRAMES = 71,    /* 7: the buddy lists */
    RANK_INTERRUPT = 79, /* 8: bytes received by a device's interrupt handler */
    RANK_WAITQ = 80,     /* 8: the threads that wait for one event */
    RANK_TIMER = 81,     /* 8: the threads that sleep until a time */
    RANK_RUNQUEUE = 82,  /* 8: one CPU's runnable threads */
    RANK_CONSOLE = 83,   /* 8: the serial line and the screen */
    LOCK_RANKS,
};

struct spinlock {
    uint8_t locked; /* atomic; 1 + the CPU that holds the lock; 0: none */
    uint8_t rank;   /* enum lock_rank */
};

#define SPINLOCK(rank_) \
    {                   \
        .rank = (rank_) \
    }

static inline void spin_init(struct spinlock *lock, enum lock_rank rank)
{
    *lock = (struct spinlock)SPINLOCK(rank);
}

/* Returns true if a CPU holds the lock. Used in assertions. */
static inline bool spin_is_held(const struct spinlock *lock)
{
    return lock->locked;
}

/* DEBUG: the locks that a thread holds, in the order of acquisition; the last may be one that it
   waits for. Each thread has a record, and cpu.locks points to the running thread's. Without DEBUG
   the checks do nothing. */
#define MAX_LOCKS_HELD 16u

struct lock_record {
    unsigned count;
    uint8_t ranks[MAX_LOCKS_HELD];
    const void *locks[MAX_LOCKS_HELD]; /* NULL: not known */
};

/* Returns the name of a rank, such as "RANK_PIPE". */
const char *lock_rank_name(unsigned rank);

#ifdef DEBUG
/* Panics if the order is violated. `lock` may be NULL. */
void lock_check_acquire(enum lock_rank rank, const void *lock);
void lock_check_release(enum lock_rank rank);
bool lock_check_none_from(enum lock_rank rank); /* true if no lock of this rank or above is held */
bool lock_check_holds(enum lock_rank rank);     /* true if a lock of this rank is held */

/* Panics if the current thread holds a lock of `rank` or above, with its name and what the thread
   is about to do, such as "sleeping". */
void lock_check_holds_none_from(enum lock_rank rank, const char *what);
#else
static inline void lock_check_acquire(enum lock_rank rank __unused, const void *lock __unused)
{
}
static inline void lock_check_release(enum lock_rank rank __unused)
{
}
static inline void lock_check_holds_none_from(enum lock_rank rank __unused,
                                              const char *what __unused)
{
}
static inline bool lock_check_none_from(enum lock_rank rank __unused)
{
    return true;
}
static inline bool lock_check_holds(enum lock_rank rank __unused)
{
    return true;
}
#endif

/* The counts of /proc/lock_stat (arch/lockstat.h). An acquisition that must wait is counted in
   every build. The rest is for a DEBUG build: lock_stat_acquired counts, and returns the time,
   which lock_stat_released takes; the time of a spinlock is kept for the CPU. */
void lock_stat_contended(enum lock_rank rank);

#if defined(DEBUG) && !__STDC_HOSTED__
uint64_t lock_stat_acquired(enum lock_rank rank);
void lock_stat_released(enum lock_rank rank, uint64_t since_ns);
void lock_stat_spin_acquired(enum lock_rank rank);
void lock_stat_spin_released(enum lock_rank rank);
#else
static inline uint64_t lock_stat_acquired(enum lock_rank rank __unused)
{
    return 0;
}
static inline void lock_stat_released(enum lock_rank rank __unused, uint64_t since_ns __unused)
{
}
static inline void lock_stat_spin_acquired(enum lock_rank rank __unused)
{
}
static inline void lock_stat_spin_released(enum lock_rank rank __unused)
{
}
#endif

#if __STDC_HOSTED__ /* the tests on the host define their own */

void spin_lock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock);

#else

/* Spins until the lock is acquired, answering shootdowns meanwhile. */
void spin_wait(struct spinlock *lock);

/* Acquires the lock if it is free. Interrupts or preemption are off. */
static inline bool spin_take(struct spinlock *lock)
{
    uint8_t none = 0;

    return __atomic_compare_exchange_n(&lock->locked, &none, cpu_id() + 1, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static inline void spin_lock(struct spinlock *lock)
{
    preempt_disable();
    lock_check_acquire(lock->rank, lock);
    if (unlikely(!spin_take(lock)))
        spin_wait(lock);
    lock_stat_spin_acquired(lock->rank);
}

static inline void spin_unlock(struct spinlock *lock)
{
    lock_check_release(lock->rank);
    lock_stat_spin_released(lock->rank);
    atomic_store(&lock->locked, 0);
    preempt_enable();
}

/* Acquires the lock if it is free, outside of the lock order. An NMI handler uses it, because it
   may have interrupted the holder. spin_end_nmi releases the lock. */
static inline bool spin_try_nmi(struct spinlock *lock)
{
    return spin_take(lock);
}

static inline void spin_end_nmi(struct spinlock *lock)
{
    atomic_store(&lock->locked, 0);
}

#endif

/* Acquires the lock and disables interrupts until spin_unlock_irq, which takes the returned
   value. */
static inline bool spin_lock_irq(struct spinlock *lock)
{
    bool irq = irq_save();
    spin_lock(lock);
    return irq;
}

static inline void spin_unlock_irq(struct spinlock *lock, bool irq)
{
    spin_unlock(lock);
    irq_restore(irq);
}
