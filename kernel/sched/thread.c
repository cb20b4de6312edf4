/* The life of a thread.

       thread_create -> thread_start -> (runs and sleeps: run.c) -> thread_exit -> thread_destroy

   A thread runs on a kernel stack of its own. thread_exit cannot free the stack that it runs on, so
   another thread calls thread_destroy, which waits until the stack is out of use. */

#include <linux/errno.h>
#include <arch/clock.h>
#include <lib/panic.h>
#include <mm/heap.h>
#include <sched/kstack.h>
#include <sched/run.h>
#include <sched/thread.h>
#include <sched/world.h>
#include "niceness.h"

static unsigned threads; /* atomic */

/* The code in which a new thread starts. */
static void thread_begin(void *arg)
{
    struct thread *thread = arg;

    run_begin();
    world_leave_rest();
    thread->entry(thread->arg);
    panic("the entry of a thread has returned");
}

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
    thread->state = THREAD_NEW;
    thread->at_rest = true;
    thread->affinity = thread_current()->affinity;
    thread->share = thread_current()->share;
    thread->rate = niceness_rate(&thread->share);
    /* A new thread is made to look as if it had switched away: holding the run-queue lock. */
    thread->locks = (struct lock_record){.count = 1, .ranks = {RANK_RUNQUEUE}};
    context_init(&thread->context, thread->stack_top, thread_begin, thread);
    atomic_add_fetch(&threads, 1u);
    world_add(thread);
    return thread;
}

void thread_start(struct thread *thread)
{
    run_start(thread);
}

void thread_exit(void)
{
    thread_set_space(NULL);
    world_enter_rest(); /* for ever, so that world_stop does not wait for this thread any more */
    irq_disable();
    run_end();
}

void thread_destroy(struct thread *thread)
{
    /* A thread on its way into thread_exit needs the CPU until it has left its stack. */
    while (atomic_load(&thread->state) == THREAD_RUNNABLE || atomic_load(&thread->on_cpu))
        thread_yield();
    world_remove(thread);
    kstack_free(thread->stack_top);
    heap_free(thread);
    atomic_sub_fetch(&threads, 1u);
}

unsigned thread_count(void)
{
    return atomic_load(&threads);
}

void thread_set_space(struct mmu_space *space)
{
    bool irq = irq_save();
    thread_current()->space = space;
    mmu_switch(space);
    irq_restore(irq);
}

void thread_set_fail_nth(struct thread *thread, unsigned nth)
{
    atomic_store_relaxed(&thread->fail_nth, nth);
    /* If the thread does not run, the next switch to it stores this in the record of its CPU. */
    preempt_disable();
    if (thread == thread_current())
        this_cpu()->fail_nth = &thread->fail_nth;
    preempt_enable();
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
