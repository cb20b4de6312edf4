/* Deadlines, in a tree ordered by time: the tick looks at the first only.
   Lock: timer_lock (RANK_TIMER, also in interrupts). */

#include <lib/panic.h>
#include <sched/run.h>
#include <sched/timer.h>

static struct spinlock timer_lock = SPINLOCK(RANK_TIMER);

RB_HEAD(timer_tree, thread);
static struct timer_tree timers = RB_INITIALIZER(timers); /* (timer_lock) */

/* By time; threads with the same deadline by address. */
static int timer_compare(const struct thread *a, const struct thread *b)
{
    if (a->deadline_ns != b->deadline_ns)
        return a->deadline_ns < b->deadline_ns ? -1 : 1;
    return (a > b) - (a < b);
}

RB_GENERATE_STATIC(timer_tree, thread, timer, timer_compare)

void timer_set(uint64_t deadline_ns)
{
    struct thread *thread = thread_current();
    bool irq = spin_lock_irq(&timer_lock);

    assert(!thread->timed);
    thread->deadline_ns = deadline_ns;
    thread->timed = true;
    RB_INSERT(timer_tree, &timers, thread);
    spin_unlock_irq(&timer_lock, irq);
}

static void timer_remove(struct thread *thread)
{
    RB_REMOVE(timer_tree, &timers, thread);
    thread->timed = false;
}

void timer_cancel(void)
{
    struct thread *thread = thread_current();
    bool irq = spin_lock_irq(&timer_lock);

    if (thread->timed)
        timer_remove(thread);
    spin_unlock_irq(&timer_lock, irq);
}

void timer_expire(uint64_t now_ns)
{
    struct thread *thread;
    bool irq = spin_lock_irq(&timer_lock);

    while ((thread = RB_MIN(timer_tree, &timers)) && thread->deadline_ns <= now_ns) {
        timer_remove(thread);
        thread_wake(thread);
    }
    spin_unlock_irq(&timer_lock, irq);
}
