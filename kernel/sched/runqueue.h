/* The run queue of a CPU, for run.c and place.c. */
#pragma once

#include <arch/clock.h>
#include <arch/spinlock.h>
#include "turns.h"

struct runqueue {
    struct spinlock lock;    /* RANK_RUNQUEUE, also in interrupts; one at a time */
    struct turns turns;      /* (lock) */
    struct thread *running;  /* (lock) */
    struct thread *previous; /* (lock) the thread that leaves; NULL except during a switch */
    struct thread idle;      /* runs on the stack that the CPU booted with */
    uint64_t switches;       /* (lock) */
    uint64_t charged_ns;     /* (lock) monotonic; all time before it has been charged */
    uint64_t begun_ns;       /* (lock) monotonic, when the CPU began to run threads */
};

extern struct runqueue runqueues[MAX_CPUS];

/* Returns the queue of this CPU. Interrupts are off, so that the thread stays on its CPU. */
static inline struct runqueue *my_runqueue(void)
{
    return cpu_read(runqueue);
}

/* Returns the time since the last charge. The lock is held. */
static inline uint64_t runqueue_uncharged_ns(const struct runqueue *rq)
{
    uint64_t now_ns = clock_monotonic_ns();

    /* The last charge may have read the clock of another CPU, which may be ahead. */
    return likely(now_ns >= rq->charged_ns) ? now_ns - rq->charged_ns : 0;
}

static inline bool runqueue_is_idle(const struct runqueue *rq)
{
    return atomic_load_relaxed(&rq->running) == &rq->idle;
}

/* Returns true if the thread's affinity allows the CPU. The lock of the thread's queue is held. */
static inline bool thread_may_use(const struct thread *thread, unsigned cpu)
{
    return thread->affinity >> cpu & 1;
}

static inline cpumask_t online_cpus(void)
{
    return (1ul << cpu_count()) - 1;
}

/* ---- place.c; interrupts are off in all of these ---- */

/* Locks the run queue of the thread's CPU, and returns it. */
struct runqueue *runqueue_lock_of(const struct thread *thread);

/* Returns the CPU on which a thread that does not run should run next: its last one if that is
   idle, then an idle one, which is claimed, then its last one. The lock of its queue is held. */
unsigned place_choose(const struct thread *thread);

/* Returns the CPU on which a new thread should run: an idle one, which is claimed, or the one with
   the shortest queue. */
unsigned place_choose_new(const struct thread *thread);

/* Adds a runnable thread, whose CPU this is, to the queue. If the thread should not
   wait for the end of the running thread's turn, that turn is over. The lock is held. */
void place_add(struct runqueue *rq, struct thread *thread);

/* Prepares an idle CPU's virtual time for a thread that is about to be added. The lock is held. */
void place_catch_up(struct runqueue *rq);

/* Adds a runnable thread that stands in no queue to the queue of its CPU, thread->cpu, which was
   set under the lock of its last queue. `floor_ns` was the floor of that queue. No lock is held. */
void place_send(struct thread *thread, uint64_t floor_ns);

/* Makes a thread whose affinity has changed leave its CPU if it must. Releases the lock. */
void place_check(struct runqueue *rq, struct thread *thread);

/* Makes a CPU with nothing to do take a waiting thread from the longest queue. Returns true if it
   has one now. */
bool place_pull(void);

/* Makes a CPU whose virtual time is ahead of another's take a thread that waits there. */
void place_balance(void);

/* If a thread waits in the queue, and there is an idle CPU that the thread may use, makes that CPU
   look for work. */
void place_offer(const struct runqueue *rq, cpumask_t affinity);

/* Say that this CPU looks for work and is about to halt, and that it goes on. */
void place_idle_begin(void);
void place_idle_end(void);
