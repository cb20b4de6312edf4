/* Stopping the world.

   The stopper sets `stopping`, asks every thread to come to rest (WORK_STOP), and waits until all
   are. A thread that leaves its rest clears at_rest and then reads `stopping`; the stopper sets
   `stopping` and then reads at_rest. The accesses are sequentially consistent, so at least one of
   the two sees the other.

   Kernel threads hold no references that the audit counts, so the stopper does not wait for them.
   One with `has_references` is an exception: it comes to rest in its sleep, as others do.
   Lock: world.lock (RANK_PIPE) guards the list of threads and `stopper`. */

#include <lib/panic.h>
#include <sched/run.h>
#include <sched/thread.h>
#include <sched/world.h>

static struct {
    struct spinlock lock;
    TAILQ_HEAD(, thread) threads; /* (lock) */
    struct thread *stopper;       /* (lock) the thread that has stopped the world, or is about to */
    bool stopping;                /* atomic */
    struct waitq resting;         /* the stopper waits here for the others */
    struct waitq held;            /* the others wait here for the stopper */
} world = {
    .lock = SPINLOCK(RANK_PIPE),
    .threads = TAILQ_HEAD_INITIALIZER(world.threads),
    .resting = WAITQ(world.resting),
    .held = WAITQ(world.held),
};

void world_add(struct thread *thread)
{
    spin_lock(&world.lock);
    TAILQ_INSERT_TAIL(&world.threads, thread, all);
    spin_unlock(&world.lock);
}

void world_remove(struct thread *thread)
{
    spin_lock(&world.lock);
    TAILQ_REMOVE(&world.threads, thread, all);
    waitq_wake_all(&world.resting);
    spin_unlock(&world.lock);
}

/* Returns true if `thread` is not at rest, and asks it to come to rest. world.lock is held. */
static bool is_moving(struct thread *thread)
{
    if (thread == world.stopper || thread->state == THREAD_DEAD)
        return false;
    if (!thread->task && !thread->has_references)
        return false;
    if (atomic_load(&thread->at_rest))
        return false;
    thread_set_work(thread, WORK_STOP);
    return true;
}

static bool is_anyone_moving(void)
{
    struct thread *thread;
    bool moving = false;

    TAILQ_FOREACH (thread, &world.threads, all)
        moving |= is_moving(thread);
    return moving;
}

int world_stop(void)
{
    int err = 0;

    spin_lock(&world.lock);
    while (world.stopper && !err)
        err = waitq_sleep(&world.held, &world.lock);
    if (!err) {
        world.stopper = thread_current();
        atomic_set(&world.stopping, true);
        while (is_anyone_moving())
            waitq_sleep_hard(&world.resting, &world.lock);
    }
    spin_unlock(&world.lock);
    return err;
}

void world_resume(void)
{
    spin_lock(&world.lock);
    assert(world.stopper == thread_current());
    world.stopper = NULL;
    atomic_set(&world.stopping, false);
    waitq_wake_all(&world.held);
    spin_unlock(&world.lock);
}

void world_enter_rest(void)
{
    atomic_set(&thread_current()->at_rest, true);
    if (unlikely(atomic_load(&world.stopping))) {
        spin_lock(&world.lock);
        waitq_wake_all(&world.resting);
        spin_unlock(&world.lock);
    }
}

void world_leave_rest(void)
{
    atomic_set(&thread_current()->at_rest, false);
    if (unlikely(atomic_load(&world.stopping)))
        world_rest();
}

void world_rest(void)
{
    struct thread *thread = thread_current();

    spin_lock(&world.lock);
    atomic_and(&thread->work, ~WORK_STOP);
    while (atomic_load(&world.stopping) && world.stopper != thread) {
        atomic_set(&thread->at_rest, true);
        waitq_wake_all(&world.resting);
        waitq_sleep_hard(&world.held, &world.lock);
        atomic_set(&thread->at_rest, false);
    }
    spin_unlock(&world.lock);
}

bool world_try_each(void (*each)(const struct thread *thread))
{
    const struct thread *thread;

    if (!spin_try_nmi(&world.lock))
        return false;
    TAILQ_FOREACH (thread, &world.threads, all)
        if (!thread->on_cpu)
            each(thread);
    spin_end_nmi(&world.lock);
    return true;
}

void world_each_nmi(void (*each)(const struct thread *thread))
{
    const struct thread *thread;

    TAILQ_FOREACH (thread, &world.threads, all)
        each(thread);
}
