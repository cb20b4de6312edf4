/* Whose turn it is: threads in the order of their virtual time.

   The virtual time of a thread is the CPU time that it has had, times its `rate`. The thread with
   the least is next, so that all of the same rate get the same share. The floor of a queue follows
   the least virtual time of the threads that run or wait.

       virtual time  ---- S ------------- floor -- A ---- B ------ R (running) -->
                          |<--- lead --->|

   A thread that sleeps stays where it is while the others go on, and so has a lead when it wakes.
   Until it has used up its lead it comes before all that have not slept. A lead is at most
   LEAD_MAX_NS: otherwise an hour of sleep would buy an hour of the CPU. A thread that sleeps and
   wakes all the time cannot starve others, because it wakes where it went to sleep: in the long run
   it gets its share, and at most LEAD_MAX_NS more.

   A thread and the thread that it creates each get half of the lead, so forking gains nothing.

   The first thread stands outside the tree. So the usual queue, of one thread or none, costs a
   comparison, and a queue of n threads log n steps.

   Always true: no thread in the tree comes before the first.

   Lock: that of the run queue. */

#include <lib/panic.h>
#include <sched/tick.h>
#include "turns.h"

#define LEAD_MAX_NS (5 * TICK_NS)

/* By virtual time; threads of the same time in the order in which they came. */
static int turn_compare(const struct thread *a, const struct thread *b)
{
    if (a->virtual_ns != b->virtual_ns)
        return a->virtual_ns < b->virtual_ns ? -1 : 1;
    return a->arrival < b->arrival ? -1 : a->arrival > b->arrival;
}

RB_GENERATE_STATIC(turn_tree, thread, turn, turn_compare)

void turns_add(struct turns *turns, struct thread *thread)
{
    struct thread *other = thread;

    thread->arrival = turns->arrivals++;
    thread->queued = true;
    if (!turns->first || thread->virtual_ns < turns->first->virtual_ns) {
        other = turns->first;
        turns->first = thread;
    }
    if (other)
        RB_INSERT(turn_tree, &turns->others, other);
    turns->length++;
}

void turns_limit_lead(const struct turns *turns, struct thread *thread)
{
    if (thread->virtual_ns + LEAD_MAX_NS < turns->floor_ns)
        thread->virtual_ns = turns->floor_ns - LEAD_MAX_NS;
}

void turns_remove(struct turns *turns, struct thread *thread)
{
    assert(thread->queued);
    thread->queued = false;
    turns->length--;
    if (thread != turns->first) {
        RB_REMOVE(turn_tree, &turns->others, thread);
        return;
    }
    turns->first = turns->length > 0 ? RB_MIN(turn_tree, &turns->others) : NULL;
    if (turns->first)
        RB_REMOVE(turn_tree, &turns->others, turns->first);
}

struct thread *turns_take(struct turns *turns)
{
    struct thread *thread = turns->first;

    assert(thread);
    turns_remove(turns, thread);
    return thread;
}

struct thread *turns_take_for(struct turns *turns, unsigned cpu)
{
    struct thread *thread = turns->first;

    if (thread && !(thread->affinity >> cpu & 1)) {
        thread = turns->length > 1 ? RB_MIN(turn_tree, &turns->others) : NULL;
        while (thread && !(thread->affinity >> cpu & 1))
            thread = RB_NEXT(turn_tree, &turns->others, thread);
    }
    if (thread)
        turns_remove(turns, thread);
    return thread;
}

int64_t turns_share_lead(const struct turns *turns, struct thread *creator)
{
    int64_t lead_ns = turns->floor_ns - creator->virtual_ns;

    if (lead_ns > 0) {
        lead_ns /= 2;
        turns_place(turns, creator, lead_ns);
    }
    return lead_ns;
}

void turns_place(const struct turns *turns, struct thread *thread, int64_t lead_ns)
{
    thread->virtual_ns = turns->floor_ns - lead_ns;
}
