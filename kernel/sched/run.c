/* The run queues (sched/run.h).

       runnable <-> running --thread_prepare_sleep, thread_schedule--> sleeping
           ^                                                               |
           +---------------------------- thread_wake ----------------------+

   Each CPU has a queue of runnable threads (without the running one), in the order of their turns
   (turns.c), and an idle thread that runs when the queue is empty. place.c moves threads between
   the queues.

   A switch happens under the run-queue lock of the CPU: the leaving thread takes the lock, and the
   arriving thread releases it. So a thread that is woken while it is still leaving cannot be picked
   before its registers are saved.

   At every switch, tick and question the running thread is charged the time since the last charge.

   Always true: a thread is RUNNABLE exactly if it runs, stands in its CPU's queue, or is on its way
   there (place_send). */

#include <linux/errno.h>
#include <arch/event.h>
#include <arch/init.h>
#include <arch/irq.h>
#include <arch/page.h>
#include <lib/panic.h>
#include <sched/countdown.h>
#include <sched/run.h>
#include <sched/thread.h>
#include "niceness.h"
#include "runqueue.h"

/* How the running thread's turn ends: if the time has come for another thread, or in any case. */
enum turn_end { TURN_BY_TIME, TURN_GIVEN_UP };

/* Charges the time since the last charge to the running thread. The lock is held. */
static void charge(struct runqueue *rq)
{
    uint64_t ran_ns = runqueue_uncharged_ns(rq);

    assert(spin_is_held(&rq->lock));
    rq->charged_ns += ran_ns;
    rq->running->cpu_ns += ran_ns;
    if (rq->running != &rq->idle)
        turns_charge(&rq->turns, rq->running, ran_ns);
}

/* Returns true if the thread is runnable but in no queue, because its affinity forbids this CPU. */
static bool is_exiled(const struct runqueue *rq, const struct thread *thread)
{
    return thread != &rq->idle && thread->state == THREAD_RUNNABLE &&
           unlikely(!thread_may_use(thread, thread->cpu));
}

/* The first step of a thread that runs (again): the previous thread has left its stack now.
   Releases the lock that the previous thread took, and sends that thread to another CPU if it must
   leave this one. */
static void finish_switch(bool irq)
{
    struct runqueue *rq = my_runqueue();
    struct thread *exile = NULL;

    if (rq->previous) {
        /* A dead thread may be freed as soon as on_cpu is false. */
        if (is_exiled(rq, rq->previous)) {
            exile = rq->previous;
            exile->cpu = place_choose(exile);
        }
        atomic_store(&rq->previous->on_cpu, false);
    }
    rq->previous = NULL;
    uint64_t floor_ns = rq->turns.floor_ns;
    spin_unlock(&rq->lock);
    if (unlikely(exile))
        place_send(exile, floor_ns);
    irq_restore(irq);
}

/* Returns when `prev` runs again. */
static void switch_to(struct runqueue *rq, struct thread *prev, struct thread *next)
{
    rq->switches++;
    rq->running = next;
    rq->previous = prev;
    atomic_store(&next->on_cpu, true);
    if (prev == &rq->idle)
        countdown_start_ticks(rq->charged_ns);
    else if (next == &rq->idle)
        countdown_end_ticks();
    if (!next->space)
        mmu_rest();
    else if (next->space != mmu_current())
        mmu_switch(next->space);
    EVENT(switch, prev->id, next->id, next->space ? next->space->root >> PAGE_SHIFT : 0);
    this_cpu()->current = next;
    this_cpu()->thread_id = &next->id;
    this_cpu()->fail_nth = next->fail_nth ? &next->fail_nth : NULL;
    this_cpu()->locks = &next->locks;
    context_switch(&prev->context, &next->context, next->stack_top);
}

/* Returns the thread that runs after `prev`, which may be `prev`; it has been charged. */
static struct thread *pick_next(struct runqueue *rq, struct thread *prev, enum turn_end end)
{
    bool may_go_on = prev->state == THREAD_RUNNABLE && prev != &rq->idle &&
                     likely(thread_may_use(prev, prev->cpu));

    if (!rq->turns.first)
        return may_go_on ? prev : &rq->idle;
    if (may_go_on && end != TURN_GIVEN_UP && !turns_is_over(&rq->turns, prev))
        return prev;
    struct thread *next = turns_take(&rq->turns);
    if (may_go_on)
        turns_add(&rq->turns, prev);
    return next;
}

static void reschedule(enum turn_end end)
{
    bool irq = irq_save();
    struct runqueue *rq = my_runqueue();
    struct thread *prev = thread_current();

    (void)spin_lock_irq(&rq->lock);
    atomic_and(&prev->work, ~WORK_RESCHEDULE);
    charge(rq);
    struct thread *next = pick_next(rq, prev, end);
    if (next != prev)
        switch_to(rq, prev, next);
    finish_switch(irq);
}

void thread_schedule(void)
{
    reschedule(TURN_BY_TIME);
}

void thread_yield(void)
{
    reschedule(TURN_GIVEN_UP);
}

void run_begin(void)
{
    finish_switch(true);
}

void run_end(void)
{
    struct runqueue *rq = my_runqueue();
    struct thread *thread = thread_current();

    (void)spin_lock_irq(&rq->lock);
    charge(rq);
    thread->state = THREAD_DEAD;
    switch_to(rq, thread, pick_next(rq, thread, TURN_BY_TIME));
    panic("a dead thread has run");
}

/* ---- Sleep and wake ---- */

void thread_prepare_sleep(void)
{
    bool irq = irq_save();
    struct runqueue *rq = my_runqueue();

    (void)spin_lock_irq(&rq->lock);
    thread_current()->state = THREAD_SLEEPING;
    spin_unlock_irq(&rq->lock, irq);
}

/* Makes a runnable thread that stands in no queue run on that CPU. Its present queue is locked;
   releases the lock. */
static void run_on(struct runqueue *rq, struct thread *thread, unsigned cpu)
{
    if (likely(cpu == thread->cpu)) {
        place_add(rq, thread);
        spin_unlock(&rq->lock);
        return;
    }
    uint64_t floor_ns = rq->turns.floor_ns;
    thread->cpu = cpu;
    spin_unlock(&rq->lock);
    place_send(thread, floor_ns);
}

/* Makes a thread that has slept, and has left its CPU, run on the CPU of its queue or on another.
   Releases the lock. */
static void wake_up(struct runqueue *rq, struct thread *thread)
{
    unsigned cpu = place_choose(thread);

    if (likely(cpu == thread->cpu))
        place_catch_up(rq);
    turns_limit_lead(&rq->turns, thread);
    run_on(rq, thread, cpu);
}

void thread_wake(struct thread *thread)
{
    bool irq = irq_save();
    struct runqueue *rq = runqueue_lock_of(thread);
    bool sleeps = thread->state == THREAD_SLEEPING;

    if (sleeps)
        thread->state = THREAD_RUNNABLE;
    /* A thread that still runs has not reached thread_schedule yet, which will find it runnable. */
    if (sleeps && rq->running != thread)
        wake_up(rq, thread);
    else
        spin_unlock(&rq->lock);
    irq_restore(irq);
}

void run_start(struct thread *thread)
{
    bool irq = irq_save();
    struct runqueue *rq = my_runqueue();

    (void)spin_lock_irq(&rq->lock);
    charge(rq);
    int64_t lead_ns = turns_share_lead(&rq->turns, thread_current());
    turns_place(&rq->turns, thread, lead_ns);
    thread->cpu = cpu_id();
    thread->state = THREAD_RUNNABLE;
    run_on(rq, thread, place_choose_new(thread));
    irq_restore(irq);
}

void thread_set_work(struct thread *thread, unsigned bits)
{
    atomic_or(&thread->work, bits);
    /* A thread in user mode on another CPU would not look at them before that CPU's next tick. If
       the thread moves to another CPU meanwhile, it looks at them there. */
    if (atomic_load(&thread->on_cpu)) {
        unsigned cpu = atomic_load(&thread->cpu);

        if (cpu != cpu_id())
            ipi_send(cpu, VECTOR_RESCHEDULE);
    }
}

void thread_interrupt(struct thread *thread, unsigned work)
{
    thread_set_work(thread, work);
    thread_wake(thread);
}

/* ---- Turns ---- */

uint64_t run_tick(void)
{
    struct runqueue *rq = my_runqueue();

    (void)spin_lock_irq(&rq->lock);
    charge(rq);
    if (turns_is_over(&rq->turns, rq->running))
        atomic_or(&rq->running->work, WORK_RESCHEDULE);
    uint64_t cpu_ns = rq->running->cpu_ns;
    spin_unlock(&rq->lock);
    place_balance();
    return cpu_ns;
}

void sched_preempt(void)
{
    if (cpu_read(preempt_count) == 0 && (atomic_load(&thread_current()->work) & WORK_RESCHEDULE))
        thread_schedule();
}

/* ---- Share and affinity ---- */

void thread_set_share(struct thread *thread, const struct thread_share *share)
{
    bool irq = irq_save();
    struct runqueue *rq = runqueue_lock_of(thread);

    if (rq->running == thread)
        charge(rq); /* until now the old rate holds */
    thread->share = *share;
    thread->rate = niceness_rate(share);
    spin_unlock_irq(&rq->lock, irq);
}

struct thread_share thread_share(struct thread *thread)
{
    bool irq = irq_save();
    struct runqueue *rq = runqueue_lock_of(thread);
    struct thread_share share = thread->share;

    spin_unlock_irq(&rq->lock, irq);
    return share;
}

int thread_set_affinity(struct thread *thread, cpumask_t affinity)
{
    if (!(affinity & online_cpus()))
        return -EINVAL;
    bool irq = irq_save();
    struct runqueue *rq = runqueue_lock_of(thread);
    thread->affinity = affinity;
    place_check(rq, thread);
    irq_restore(irq);
    return 0;
}

cpumask_t thread_affinity(struct thread *thread)
{
    bool irq = irq_save();
    struct runqueue *rq = runqueue_lock_of(thread);
    cpumask_t affinity = thread->affinity & online_cpus();

    spin_unlock_irq(&rq->lock, irq);
    return affinity;
}

/* ---- The idle thread ---- */

bool run_is_idle(const struct thread *thread)
{
    return thread == &my_runqueue()->idle;
}

/* Makes the code that runs the idle thread of its CPU. */
static void idle_begin(void)
{
    struct runqueue *rq = &runqueues[cpu_id()];

    this_cpu()->runqueue = rq;
    rq->idle.cpu = cpu_id();
    rq->idle.affinity = AFFINITY_ALL;
    rq->idle.rate = TURN_RATE_ONE;
    rq->idle.on_cpu = true;
    rq->running = &rq->idle;
    rq->charged_ns = rq->begun_ns = clock_monotonic_ns();
    this_cpu()->current = &rq->idle;
    this_cpu()->locks = &rq->idle.locks;
}

void sched_init(void)
{
    for (unsigned n = 0; n < MAX_CPUS; n++)
        spin_init(&runqueues[n].lock, RANK_RUNQUEUE);
    idle_begin();
}

void sched_cpu_main(void)
{
    idle_begin();
    timer_start();
    smp_online();
    sched_idle();
}

void sched_idle(void)
{
    for (;;) {
        thread_schedule();
        irq_disable();
        place_idle_begin();
        if (my_runqueue()->turns.length == 0 && !place_pull())
            cpu_idle();
        place_idle_end();
        irq_enable();
    }
}

/* ---- CPU time ---- */

uint64_t run_cpu_ns(struct thread *thread)
{
    bool irq = irq_save();
    struct runqueue *rq = runqueue_lock_of(thread);

    if (rq->running == thread)
        charge(rq);
    uint64_t cpu_ns = thread->cpu_ns;
    spin_unlock_irq(&rq->lock, irq);
    return cpu_ns;
}

void run_cpu_use(unsigned cpu, uint64_t *busy_ns, uint64_t *idle_ns)
{
    struct runqueue *rq = &runqueues[cpu];
    bool irq = spin_lock_irq(&rq->lock);

    charge(rq);
    *idle_ns = rq->idle.cpu_ns;
    *busy_ns = rq->charged_ns - rq->begun_ns - *idle_ns;
    spin_unlock_irq(&rq->lock, irq);
}

/* ---- Numbers: read without the locks ---- */

unsigned run_count(void)
{
    unsigned count = 0;

    for (unsigned n = 0; n < cpu_count(); n++)
        count += runqueues[n].turns.length + (runqueues[n].running != &runqueues[n].idle);
    return count;
}

uint64_t run_switches(void)
{
    uint64_t count = 0;

    for (unsigned n = 0; n < cpu_count(); n++)
        count += runqueues[n].switches;
    return count;
}
