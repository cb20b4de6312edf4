/* On which CPU a thread runs (kernel/sched/runqueue.h).

   A thread changes its CPU while it does not run: as it wakes, or as it waits for its turn.

       it wakes                   it goes to an idle CPU if there is one, its last one first
       a CPU has nothing to do    it takes a waiting thread from the longest queue
       a CPU is ahead             it takes a waiting thread from the queue that is most behind
       affinity forbids its CPU   it goes to one that is allowed

   The virtual times of all queues are on one scale. A CPU with few threads is soon ahead of one
   with many, and takes threads from it. So every thread of the machine gets the same share, even
   if there are three of them on two CPUs. A CPU that was idle starts at the least floor of the
   CPUs that are not. Queues can still be far apart, because of affinity. A move then keeps the
   thread's distance from the floor, but for APART_NS.

   A move locks the two queues one after the other. Between them the thread is RUNNABLE and stands
   in no queue; thread->cpu is the queue that it goes to.

   No thread waits beside an idle CPU. CPU 1 finds all others busy, and adds a thread to its queue;
   CPU 2 found no thread to take, and halts; the thread would wait. CPU 2 sets its bit in idle_cpus
   before it looks at the queues, and CPU 1 looks at idle_cpus after it has added the thread. The
   accesses are sequentially consistent, so one of them sees the other.

   Locks: runqueue.lock, of one queue at a time. Lengths, floors and `running` of other queues are
   read without it, as estimates. A loop over the CPUs has at most MAX_CPUS steps. A loop over the
   threads of a queue has one step, unless their affinity forbids this CPU. */

#include <arch/irq.h>
#include <lib/panic.h>
#include <sched/tick.h>
#include "runqueue.h"

#define BEHIND_NS (3 * TICK_NS)
#define APART_NS  (20 * TICK_NS)

struct runqueue runqueues[MAX_CPUS];

/* Atomic. The CPUs that look for work or halt. Whoever clears a bit sends the CPU an interrupt or
   adds a thread to its queue. */
static cpumask_t idle_cpus;

struct runqueue *runqueue_lock_of(const struct thread *thread)
{
    for (;;) {
        struct runqueue *rq = &runqueues[atomic_load_relaxed(&thread->cpu)];

        (void)spin_lock_irq(&rq->lock);
        if (likely(&runqueues[thread->cpu] == rq))
            return rq;
        spin_unlock(&rq->lock); /* it has just gone elsewhere */
    }
}

/* ---- Idle CPUs ---- */

void place_idle_begin(void)
{
    atomic_or(&idle_cpus, 1ul << cpu_id());
}

void place_idle_end(void)
{
    atomic_and(&idle_cpus, ~(1ul << cpu_id()));
}

/* Returns true if the CPU was idle and is the caller's now. */
static bool claim(unsigned cpu)
{
    cpumask_t bit = 1ul << cpu;

    return (atomic_load_relaxed(&idle_cpus) & bit) && (atomic_fetch_and(&idle_cpus, ~bit) & bit);
}

/* Claims an idle CPU in `mask`. Returns MAX_CPUS if there is none. */
static unsigned claim_any(cpumask_t mask)
{
    for (cpumask_t left = atomic_load(&idle_cpus) & mask; left; left &= left - 1) {
        unsigned cpu = __builtin_ctzl(left);

        if (claim(cpu))
            return cpu;
    }
    return MAX_CPUS;
}

void place_offer(const struct runqueue *rq, cpumask_t affinity)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the thread is in the queue before we look */
    unsigned cpu = rq->turns.length > 0 ? claim_any(affinity) : MAX_CPUS;

    if (cpu < MAX_CPUS && cpu != cpu_id())
        ipi_send(cpu, VECTOR_RESCHEDULE);
}

/* ---- To a queue ---- */

/* Returns the CPU in `mask` with the shortest queue. */
static unsigned least_loaded(cpumask_t mask)
{
    unsigned best = MAX_CPUS, least = 0;

    for (unsigned n = 0; n < cpu_count(); n++) {
        unsigned load = runqueues[n].turns.length + !runqueue_is_idle(&runqueues[n]);

        if ((mask >> n & 1) && (best == MAX_CPUS || load < least)) {
            best = n;
            least = load;
        }
    }
    assert(best < MAX_CPUS);
    return best;
}

unsigned place_choose(const struct thread *thread)
{
    if (thread_may_use(thread, thread->cpu) && claim(thread->cpu))
        return thread->cpu;
    unsigned idle = claim_any(thread->affinity);
    if (idle < MAX_CPUS)
        return idle;
    return thread_may_use(thread, thread->cpu) ? thread->cpu
                                               : least_loaded(thread->affinity & online_cpus());
}

unsigned place_choose_new(const struct thread *thread)
{
    unsigned idle = claim_any(thread->affinity);

    return idle < MAX_CPUS ? idle : least_loaded(thread->affinity & online_cpus());
}

void place_catch_up(struct runqueue *rq)
{
    uint64_t least_ns = UINT64_MAX;

    if (!runqueue_is_idle(rq) || rq->turns.length > 0)
        return;
    for (unsigned n = 0; n < cpu_count(); n++)
        if (!runqueue_is_idle(&runqueues[n]))
            least_ns = min(least_ns, atomic_load_relaxed(&runqueues[n].turns.floor_ns));
    if (least_ns != UINT64_MAX)
        rq->turns.floor_ns = max(rq->turns.floor_ns, least_ns);
}

void place_add(struct runqueue *rq, struct thread *thread)
{
    bool is_idle = runqueue_is_idle(rq);

    assert(spin_is_held(&rq->lock));
    turns_add(&rq->turns, thread);
    if (!is_idle && !turns_is_urgent(thread, rq->running, runqueue_uncharged_ns(rq))) {
        place_offer(rq, thread->affinity);
        return;
    }
    if (!is_idle)
        atomic_or(&rq->running->work, WORK_RESCHEDULE);
    /* Another CPU would look at its next interrupt only. */
    if (thread->cpu != cpu_id())
        ipi_send(thread->cpu, VECTOR_RESCHEDULE);
    if (!is_idle)
        place_offer(rq, thread->affinity);
}

/* Translates the virtual time of a thread that comes from a queue with the floor `from_ns`. Queues
   that are at most APART_NS apart count as one. */
static void translate(const struct turns *turns, struct thread *thread, uint64_t from_ns)
{
    int64_t apart_ns = turns->floor_ns - from_ns;

    if (apart_ns > (int64_t)APART_NS)
        thread->virtual_ns += apart_ns - APART_NS;
    else if (apart_ns < -(int64_t)APART_NS)
        thread->virtual_ns += apart_ns + APART_NS;
}

void place_send(struct thread *thread, uint64_t floor_ns)
{
    for (;;) {
        struct runqueue *rq = runqueue_lock_of(thread);

        /* Its affinity may have changed on the way. */
        if (likely(thread_may_use(thread, thread->cpu))) {
            place_catch_up(rq);
            translate(&rq->turns, thread, floor_ns);
            place_add(rq, thread);
            spin_unlock(&rq->lock);
            return;
        }
        unsigned claimed = thread->cpu;
        thread->cpu = place_choose(thread);
        spin_unlock(&rq->lock);
        if (claimed != cpu_id())
            ipi_send(claimed, VECTOR_RESCHEDULE); /* it may be idle, and gets no thread */
    }
}

/* ---- From a queue ---- */

void place_check(struct runqueue *rq, struct thread *thread)
{
    uint64_t floor_ns = rq->turns.floor_ns;
    bool must_move = !thread_may_use(thread, thread->cpu);
    bool is_sent = must_move && thread->queued;

    if (is_sent) {
        turns_remove(&rq->turns, thread);
        thread->cpu = place_choose(thread);
    } else if (must_move && rq->running == thread) {
        /* finish_switch sends it. */
        atomic_or(&thread->work, WORK_RESCHEDULE);
        if (thread->cpu != cpu_id())
            ipi_send(thread->cpu, VECTOR_RESCHEDULE);
    } else if (thread->queued) {
        place_offer(rq, thread->affinity);
    }
    spin_unlock(&rq->lock);
    if (is_sent)
        place_send(thread, floor_ns);
}

/* Takes the first thread that may use this CPU from a queue to this CPU's own. Returns false if
   there is none. */
static bool take_from(struct runqueue *from)
{
    (void)spin_lock_irq(&from->lock);
    struct thread *thread = turns_take_for(&from->turns, cpu_id());
    uint64_t floor_ns = from->turns.floor_ns;
    if (thread)
        thread->cpu = cpu_id();
    spin_unlock(&from->lock);
    if (!thread)
        return false;
    place_send(thread, floor_ns);
    return true;
}

/* Returns the CPU in `mask` with the longest queue. Returns MAX_CPUS if no thread waits. A CPU that
   is about to leave its idle thread needs no help. */
static unsigned longest(cpumask_t mask)
{
    unsigned best = MAX_CPUS, most = 0;

    for (unsigned n = 0; n < cpu_count(); n++) {
        const struct runqueue *rq = &runqueues[n];
        unsigned length = atomic_load_relaxed(&rq->turns.length);

        if ((mask >> n & 1) && length > most && !runqueue_is_idle(rq)) {
            best = n;
            most = length;
        }
    }
    return best;
}

bool place_pull(void)
{
    cpumask_t left = online_cpus() & ~(1ul << cpu_id());
    unsigned cpu;

    while ((cpu = longest(left)) < MAX_CPUS) {
        if (take_from(&runqueues[cpu]))
            return true;
        left &= ~(1ul << cpu);
    }
    return false;
}

void place_balance(void)
{
    uint64_t own_ns = atomic_load_relaxed(&my_runqueue()->turns.floor_ns);
    uint64_t least_ns = own_ns - min(own_ns, BEHIND_NS);
    struct runqueue *behind = NULL;

    for (unsigned n = 0; n < cpu_count(); n++) {
        struct runqueue *rq = &runqueues[n];
        uint64_t floor_ns = atomic_load_relaxed(&rq->turns.floor_ns);

        if (atomic_load_relaxed(&rq->turns.length) > 0 && floor_ns < least_ns) {
            least_ns = floor_ns;
            behind = rq;
        }
    }
    if (behind)
        (void)take_from(behind);
}
