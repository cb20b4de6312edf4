/* The locks on the host. The simulated CPUs take turns, and another CPU can run only in step()
   and block(), so a lock is a plain variable. If a lock is taken, the CPU lets its holder run.
   If there is no other CPU, the wait is a deadlock. The read-write lock is the kernel's own
   (kernel/sched/rwlock.c), over the wait queues of this file.

   The lock order is checked for each CPU, as the kernel's DEBUG build checks it for each thread. */

#include <arch/hang.h>
#include <lib/panic.h>
#include <sched/lock.h>
#include "platform.h"

void (*block_hook)(void);

static struct lock_record held[MAX_CPUS];

void block(const char *what)
{
    check(block_hook, "a deadlock: nobody else can end the wait for %s", what);
    block_hook();
}

bool locks_none_held(void)
{
    return held[cpu_id()].count == 0 && preempt_disabled[cpu_id()] == 0;
}

void locks_reset(void)
{
    held[cpu_id()].count = 0;
    preempt_disabled[cpu_id()] = 0;
}

/* The host counts no waits. */
void lock_stat_contended(enum lock_rank rank __unused)
{
}

/* The host reports a deadlock as a finding, at once. */
bool patience_ends(struct patience *patience __unused)
{
    return false;
}

void hang_report(const char *what)
{
    finding("the kernel says: this CPU %s", rule_text(what));
}

/* ---- Lock order ---- */

void lock_check_acquire(enum lock_rank rank, const void *lock __unused)
{
    struct lock_record *record = &held[cpu_id()];

    for (unsigned n = 0; n < record->count; n++)
        check(record->ranks[n] < rank, "lock order: taking rank %d while holding rank %d", rank,
              record->ranks[n]);
    check(record->count < MAX_LOCKS_HELD, "too many locks are held");
    record->ranks[record->count++] = rank;
}

/* Notes the release. If the lock is one that sleeps, another CPU can run at once, before this one
   goes on to what the lock has guarded. */
void lock_check_release(enum lock_rank rank)
{
    struct lock_record *record = &held[cpu_id()];
    unsigned n = record->count;

    while (n > 0 && record->ranks[n - 1] != rank)
        n--;
    check(n > 0, "lock order: releasing rank %d, which is not held", rank);
    for (record->count--; n <= record->count; n++)
        record->ranks[n - 1] = record->ranks[n];
    if (rank < RANK_SPACES)
        step();
}

bool lock_check_holds(enum lock_rank rank)
{
    const struct lock_record *record = &held[cpu_id()];

    for (unsigned n = 0; n < record->count; n++)
        if (record->ranks[n] == rank)
            return true;
    return false;
}

bool lock_check_none_from(enum lock_rank rank)
{
    const struct lock_record *record = &held[cpu_id()];

    for (unsigned n = 0; n < record->count; n++)
        if (record->ranks[n] >= rank)
            return false;
    return true;
}

void lock_check_holds_none_from(enum lock_rank rank, const char *what)
{
    check(lock_check_none_from(rank), "%s while holding a lock of rank %d or above", what, rank);
}

/* ---- Spinlocks ---- */

void spin_lock(struct spinlock *lock)
{
    step();
    preempt_disable();
    lock_check_acquire(lock->rank, lock);
    while (lock->locked)
        block("a spinlock");
    lock->locked = 1;
}

/* Releases the lock. There is no step here, because this CPU touches nothing shared before its
   next step. A preemption at that step gives every interleaving that a preemption here would
   give. */
void spin_unlock(struct spinlock *lock)
{
    check(lock->locked, "a spinlock is released that nobody holds");
    lock_check_release(lock->rank);
    lock->locked = 0;
    preempt_enable();
}

/* ---- Locks that sleep ---- */

/* Checks, before the wait for a lock that sleeps, that this CPU may sleep and takes locks in
   order. */
static void may_sleep(enum lock_rank rank)
{
    step();
    check(preempt_disabled[cpu_id()] == 0, "a lock that sleeps is taken under a spinlock");
    lock_check_acquire(rank, NULL);
}

void mutex_init(struct mutex *mutex, enum lock_rank rank)
{
    *mutex = (struct mutex){.rank = rank};
}

void mutex_lock(struct mutex *mutex)
{
    may_sleep(mutex->rank);
    while (mutex->state)
        block("a mutex");
    mutex->state = MUTEX_HELD;
}

/* Nobody is killed on the host. */
int mutex_lock_killable(struct mutex *mutex)
{
    mutex_lock(mutex);
    return 0;
}

void mutex_unlock(struct mutex *mutex)
{
    check(mutex->state, "a mutex is released that nobody holds");
    mutex->state = 0;
    lock_check_release(mutex->rank);
}

/* ---- Wait queues ---- */

/* The CPUs that sleep in a queue, by the time of their arrival; 0: awake. */
static const struct waitq *sleeps_in[MAX_CPUS];
static unsigned arrival[MAX_CPUS], last_arrival;

void waitq_init(struct waitq *wq)
{
    *wq = (struct waitq)WAITQ(*wq);
}

/* Sleeps until a waker has chosen this CPU. A wake-up that is lost shows as a deadlock. */
void waitq_sleep_hard(struct waitq *wq, struct spinlock *lock)
{
    unsigned cpu = cpu_id();

    check(preempt_disabled[cpu] == 1, "a CPU sleeps under a spinlock");
    sleeps_in[cpu] = wq;
    arrival[cpu] = ++last_arrival;
    spin_unlock(lock);
    while (sleeps_in[cpu])
        block("a wake-up");
    spin_lock(lock);
}

int waitq_sleep_holding(struct waitq *wq, struct spinlock *lock, uint64_t deadline_ns __unused)
{
    check(!lock_check_holds(RANK_VSPACE) && !lock_check_holds(RANK_CACHE),
          "a thread waits for a device with a lock");
    waitq_sleep_hard(wq, lock);
    return 0;
}

static bool wake_first(const struct waitq *wq)
{
    unsigned first = MAX_CPUS;

    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
        if (sleeps_in[cpu] == wq && (first == MAX_CPUS || arrival[cpu] < arrival[first]))
            first = cpu;
    if (first == MAX_CPUS)
        return false;
    sleeps_in[first] = NULL;
    return true;
}

bool waitq_wake_one(struct waitq *wq)
{
    return wake_first(wq);
}

void waitq_wake_all(struct waitq *wq)
{
    while (wake_first(wq))
        ;
}
