/* Threads and the scheduler.

       thread_create -> thread_start -> runnable <-> running -> thread_exit -> thread_destroy
                                           ^            |
                                     thread_wake    thread_prepare_sleep, thread_schedule
                                           |            v
                                           +--------- sleeping

   Each CPU has a queue of runnable threads (the running one is not in it) and an idle thread that runs when it is
   empty. A thread keeps the CPU that it was started on.

   A switch happens under the run-queue lock of the CPU: the thread that leaves takes it, the one that arrives gives it
   back. So a thread that was woken while it is still leaving cannot be picked before its registers are saved.

   Always true: a thread is RUNNABLE exactly if it runs or stands in its CPU's queue. */

#include <linux/errno.h>
#include <arch/clock.h>
#include <arch/irq.h>
#include <lib/panic.h>
#include <mm/heap.h>
#include <sched/kstack.h>
#include <sched/load.h>
#include <sched/thread.h>
#include <sched/timer.h>
#include <sched/world.h>

struct runqueue {
    struct spinlock lock;
    struct thread_list queue; /* (lock) */
    unsigned length;          /* (lock) */
    struct thread *running;   /* (lock) */
    struct thread *previous; /* (lock) who ran before, from its last step to the next one's first */
    struct thread idle;      /* runs on the stack that the CPU booted with */
    uint64_t switches;       /* (lock) */
    struct cpu_ticks ticks;  /* its own CPU's tick only */
};

static struct runqueue runqueues[MAX_CPUS];
static unsigned thread_count; /* atomic */
static unsigned next_cpu;     /* atomic; new threads go round */

/* Interrupts are off, so that the thread stays on its CPU. */
static struct runqueue *my_runqueue(void)
{
    return &runqueues[cpu_id()];
}

static void enqueue(struct runqueue *rq, struct thread *thread)
{
    TAILQ_INSERT_TAIL(&rq->queue, thread, run_link);
    rq->length++;
}

static struct thread *pick_next(struct runqueue *rq)
{
    struct thread *next = TAILQ_FIRST(&rq->queue);

    if (!next)
        return &rq->idle;
    TAILQ_REMOVE(&rq->queue, next, run_link);
    rq->length--;
    return next;
}

/* What a thread does first when it runs (again): the one before has left its stack now. The lock is the one that the
   other side took. */
static void finish_switch(bool irq)
{
    struct runqueue *rq = my_runqueue();

    if (rq->previous)
        atomic_store(&rq->previous->on_cpu, false);
    rq->previous = NULL;
    spin_unlock_irq(&rq->lock, irq);
}

/* Returns when `prev` runs again. */
static void switch_to(struct runqueue *rq, struct thread *prev, struct thread *next)
{
    rq->switches++;
    rq->running = next;
    rq->previous = prev;
    next->on_cpu = true;
    if (next->space != mmu_current())
        mmu_switch(next->space);
    this_cpu()->current = next;
    this_cpu()->fail_nth = next->fail_nth ? &next->fail_nth : NULL;
    this_cpu()->locks = &next->locks;
    context_switch(&prev->context, &next->context, next->stack_top);
}

void thread_schedule(void)
{
    bool irq = irq_save();
    struct runqueue *rq = my_runqueue();
    struct thread *prev = thread_current();

    (void)spin_lock_irq(&rq->lock);
    atomic_and(&prev->work, ~WORK_RESCHEDULE);
    if (prev->state == THREAD_RUNNABLE && prev != &rq->idle)
        enqueue(rq, prev);
    struct thread *next = pick_next(rq);
    if (next != prev)
        switch_to(rq, prev, next);
    finish_switch(irq);
}

/* Where a new thread begins. */
static void thread_begin(void *arg)
{
    struct thread *thread = arg;

    finish_switch(true);
    world_leave_rest();
    thread->entry(thread->arg);
    panic("the entry of a thread has returned");
}

void thread_yield(void)
{
    thread_schedule();
}

/* ---- Life and death ---- */

struct thread *thread_create(void (*entry)(void *arg), void *arg)
{
    struct thread *thread = heap_alloc_zeroed(sizeof(*thread));

    if (!thread)
        return NULL;
    thread->stack_top = kstack_alloc();
    if (!thread->stack_top) {
        heap_free(thread);
        return NULL;
    }
    thread->entry = entry;
    thread->arg = arg;
    thread->state = THREAD_SLEEPING;
    thread->at_rest = true;
    /* It begins as if it had switched away: holding the run-queue lock. */
    thread->locks = (struct lock_record){.count = 1, .ranks = {RANK_RUNQUEUE}};
    context_init(&thread->context, thread->stack_top, thread_begin, thread);
    atomic_add_fetch(&thread_count, 1u);
    world_add(thread);
    return thread;
}

void thread_start(struct thread *thread)
{
    thread->cpu = atomic_add_fetch(&next_cpu, 1u) % cpu_count();
    thread_wake(thread);
}

void thread_exit(void)
{
    struct thread *thread = thread_current();

    thread_set_space(NULL);
    world_enter_rest(); /* for ever: who stops the world must not wait for it any more */
    irq_disable();
    struct runqueue *rq = my_runqueue();
    (void)spin_lock_irq(&rq->lock);
    thread->state = THREAD_DEAD;
    switch_to(rq, thread, pick_next(rq));
    panic("a dead thread has run");
}

void thread_destroy(struct thread *thread)
{
    /* One on its way into thread_exit needs the CPU until it has left its stack. */
    while (atomic_load(&thread->state) == THREAD_RUNNABLE || atomic_load(&thread->on_cpu))
        thread_yield();
    world_remove(thread);
    kstack_free(thread->stack_top);
    heap_free(thread);
    atomic_sub_fetch(&thread_count, 1u);
}

void thread_set_space(struct mmu_space *space)
{
    preempt_disable();
    thread_current()->space = space;
    mmu_switch(space);
    preempt_enable();
}

void thread_set_fail_nth(struct thread *thread, unsigned nth)
{
    atomic_store_relaxed(&thread->fail_nth, nth);
    if (thread == thread_current())
        this_cpu()->fail_nth = &thread->fail_nth; /* for others switch_to does it */
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

void thread_wake(struct thread *thread)
{
    struct runqueue *rq = &runqueues[thread->cpu];
    bool irq = spin_lock_irq(&rq->lock);

    if (thread->state == THREAD_SLEEPING) {
        thread->state = THREAD_RUNNABLE;
        /* One that still runs has not come to thread_schedule yet, and will find itself runnable there. */
        if (rq->running != thread)
            enqueue(rq, thread);
        /* Another CPU that has nothing to do would sleep on, up to its next tick. */
        if (thread->cpu != cpu_id() && rq->running == &rq->idle)
            ipi_send(thread->cpu, VECTOR_RESCHEDULE);
    }
    spin_unlock_irq(&rq->lock, irq);
}

void thread_set_work(struct thread *thread, unsigned bits)
{
    atomic_or(&thread->work, bits);
    /* A thread that runs in user mode on another CPU would not notice before its next tick. */
    if (thread->cpu != cpu_id() && atomic_load(&thread->on_cpu))
        ipi_send(thread->cpu, VECTOR_RESCHEDULE);
}

void thread_interrupt(struct thread *thread, unsigned work)
{
    thread_set_work(thread, work);
    thread_wake(thread);
}

int thread_sleep_until(uint64_t deadline_ns)
{
    static struct spinlock lock = SPINLOCK(RANK_PIPE);
    static struct waitq nobody_wakes = WAITQ(nobody_wakes);

    spin_lock(&lock);
    int err = waitq_sleep_until(&nobody_wakes, &lock, deadline_ns);
    spin_unlock(&lock);
    return err == -ETIMEDOUT ? 0 : err;
}

/* ---- The tick ---- */

static bool is_reached(uint64_t ticks, uint64_t timer)
{
    return timer && ticks >= timer;
}

/* The thread runs, so nobody has to wake it. */
static void count_tick(struct runqueue *rq, struct thread *thread, const struct trapframe *tf)
{
    if (trap_from_user(tf)) {
        thread->ticks_user++;
        rq->ticks.user++;
    } else {
        thread->ticks_kernel++;
        *(thread == &rq->idle ? &rq->ticks.idle : &rq->ticks.kernel) += 1;
    }
    if (is_reached(thread->ticks_user, thread->timer_user) ||
        is_reached(thread->ticks_user + thread->ticks_kernel, thread->timer_total))
        atomic_or(&thread->work, WORK_TIMER | WORK_SIGNAL);
}

void sched_tick(const struct trapframe *tf)
{
    struct runqueue *rq = my_runqueue();
    struct thread *thread = thread_current();

    count_tick(rq, thread, tf);
    if (cpu_id() == 0) {
        uint64_t now_ns = clock_monotonic_ns();

        timer_expire(now_ns);
        load_tick(now_ns);
    }
    if (atomic_load_relaxed(&rq->length) > 0)
        atomic_or(&thread->work, WORK_RESCHEDULE);
}

void sched_preempt(void)
{
    if (cpu_read(preempt_count) == 0 && (atomic_load(&thread_current()->work) & WORK_RESCHEDULE))
        thread_schedule();
}

void sched_init(void)
{
    for (unsigned n = 0; n < MAX_CPUS; n++) {
        spin_init(&runqueues[n].lock, RANK_RUNQUEUE);
        TAILQ_INIT(&runqueues[n].queue);
    }
    struct runqueue *rq = my_runqueue();
    rq->idle.cpu = cpu_id();
    rq->idle.on_cpu = true;
    rq->running = &rq->idle;
    this_cpu()->current = &rq->idle;
    this_cpu()->locks = &rq->idle.locks;
    kstack_init();
}

void sched_idle(void)
{
    for (;;) {
        thread_schedule();
        irq_disable();
        if (my_runqueue()->length == 0)
            cpu_idle();
        irq_enable();
    }
}

struct cpu_ticks sched_cpu_ticks(unsigned n)
{
    return runqueues[n].ticks;
}

void sched_stats(struct sched_stats *stats)
{
    *stats = (struct sched_stats){.threads = atomic_load(&thread_count)};
    for (unsigned n = 0; n < cpu_count(); n++) {
        const struct runqueue *rq = &runqueues[n];

        stats->context_switches += rq->switches;
        stats->idle_ticks += rq->ticks.idle;
        stats->runnable += rq->length + (rq->running != &rq->idle);
    }
}
