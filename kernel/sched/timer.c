/* Deadlines: each CPU has a tree of the threads that set one on it, ordered by time. Its timer
   interrupts at the first. An interrupt costs one step for each thread that it wakes.

   Always true: the timer of a CPU interrupts at the first deadline in its tree, or earlier.

   Lock: timers.lock (RANK_TIMER, also in interrupts) of each tree. */

#include <lib/panic.h>
#include <sched/countdown.h>
#include <sched/run.h>
#include <sched/timer.h>

RB_HEAD(timer_tree, thread);

static struct timers {
    struct spinlock lock;
    struct timer_tree tree; /* (lock) */
} timers[MAX_CPUS] = {[0 ... MAX_CPUS - 1] = {.lock = SPINLOCK(RANK_TIMER)}};

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
    bool irq = irq_save(); /* the thread stays on this CPU */
    struct timers *mine = &timers[cpu_id()];

    (void)spin_lock_irq(&mine->lock);
    assert(!thread->timed);
    thread->deadline_ns = deadline_ns;
    thread->timed = true;
    thread->timer_cpu = cpu_id();
    RB_INSERT(timer_tree, &mine->tree, thread);
    countdown_to(deadline_ns);
    spin_unlock_irq(&mine->lock, irq);
}

static void timer_remove(struct timers *from, struct thread *thread)
{
    RB_REMOVE(timer_tree, &from->tree, thread);
    thread->timed = false;
}

void timer_cancel(void)
{
    struct thread *thread = thread_current();
    struct timers *set_in = &timers[thread->timer_cpu];
    bool irq = spin_lock_irq(&set_in->lock);

    if (thread->timed)
        timer_remove(set_in, thread);
    spin_unlock_irq(&set_in->lock, irq);
}

uint64_t timer_expire(uint64_t now_ns)
{
    struct timers *mine = &timers[cpu_id()];
    struct thread *first;

    (void)spin_lock_irq(&mine->lock);
    while ((first = RB_MIN(timer_tree, &mine->tree)) && first->deadline_ns <= now_ns) {
        timer_remove(mine, first);
        thread_wake(first);
    }
    uint64_t next_ns = first ? first->deadline_ns : UINT64_MAX;
    spin_unlock(&mine->lock);
    return next_ns;
}
