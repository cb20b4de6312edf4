/* The threads that wait for their turn on one CPU. The caller holds the lock of its run queue. */
#pragma once

#include <sched/thread.h>

/* A smaller difference of virtual times is not worth a switch before the next tick. */
#define TURN_URGENT_NS 500000

RB_HEAD(turn_tree, thread);

struct turns {
    struct thread *first;    /* whose turn is next; NULL: no thread waits */
    struct turn_tree others; /* the other threads that wait */
    unsigned length;         /* how many threads wait; an estimate without the lock */
    uint64_t floor_ns;       /* virtual time, which every thread that does not sleep has reached,
                                but for leads; never decreases; an estimate without the lock */
    uint64_t arrivals;       /* how many threads have been added */
};

/* Adds a runnable thread. */
void turns_add(struct turns *turns, struct thread *thread);

/* Takes from a thread that wakes what it has too much of lead. */
void turns_limit_lead(const struct turns *turns, struct thread *thread);

/* Removes the first thread, and returns it. */
struct thread *turns_take(struct turns *turns);

/* Removes the first thread that may use the CPU, and returns it. Returns NULL if there is none. */
struct thread *turns_take_for(struct turns *turns, unsigned cpu);

/* Removes a thread that waits. */
void turns_remove(struct turns *turns, struct thread *thread);

/* Returns what CPU time of a thread counts as virtual time. */
static inline uint64_t turns_virtual(const struct thread *thread, uint64_t cpu_ns)
{
    return cpu_ns * thread->rate / TURN_RATE_ONE;
}

/* Charges the running thread `ran_ns` of CPU time. */
static inline void turns_charge(struct turns *turns, struct thread *running, uint64_t ran_ns)
{
    uint64_t least_ns = running->virtual_ns += turns_virtual(running, ran_ns);

    if (turns->first)
        least_ns = min(least_ns, turns->first->virtual_ns);
    turns->floor_ns = max(turns->floor_ns, least_ns);
}

/* Returns true if the turn of the running thread is over, because the first thread is due. */
static inline bool turns_is_over(const struct turns *turns, const struct thread *running)
{
    return turns->first && turns->first->virtual_ns < running->virtual_ns;
}

/* Returns true if a woken thread should not wait for the next tick. The running thread has not been
   charged for its last `ran_ns`. */
static inline bool turns_is_urgent(const struct thread *woken, const struct thread *running,
                                   uint64_t ran_ns)
{
    return woken->virtual_ns + TURN_URGENT_NS <
           running->virtual_ns + turns_virtual(running, ran_ns);
}

/* Takes half of the lead of a running thread, for a thread that it creates. Returns how far the new
   thread is ahead of the floor; negative: behind. */
int64_t turns_share_lead(const struct turns *turns, struct thread *creator);

/* Places a new thread ahead of the floor by `lead_ns`. */
void turns_place(const struct turns *turns, struct thread *thread, int64_t lead_ns);
