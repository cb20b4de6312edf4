/* The flusher: a thread of the kernel that writes everything to the disks now and then, so that a
   loss of power costs the work of some seconds. It takes references as threads of processes do, so
   the audit waits for it.

   It looks every second. A round begins if the last one was long ago, if a tenth of the memory for
   files is dirty, or if the machine is about to end.

   A disk that does not answer keeps the thread for half a minute once, and then no longer
   (dev/block.h), so the other disks are written.

   Lock: flusher.lock (RANK_PIPE). */
#include <arch/atomic.h>
#include <arch/clock.h>
#include <arch/console.h>
#include <fs/flusher.h>
#include <fs/mount.h>
#include <fs/pagecache.h>
#include <lib/panic.h>
#include <sched/thread.h>
#include <sched/waitq.h>

#define LOOK_NS     1000000000ul
#define CENTISEC_NS 10000000ul
#define FINISH_NS   60000000000ul /* for everything to be written before the machine ends */

static struct {
    struct spinlock lock;
    struct waitq thread;    /* where the thread sleeps */
    struct waitq finishers; /* where threads wait for the end of a round */
    bool is_started;        /* (c) */
    bool is_asked;          /* (lock) a round is to begin at once */
    bool is_writing;        /* (lock) a round is going on */
    uint64_t rounds;        /* (lock) that have ended */
    unsigned interval;      /* (a) hundredths of a second */
} flusher = {
    .lock = SPINLOCK(RANK_PIPE),
    .thread = WAITQ(flusher.thread),
    .finishers = WAITQ(flusher.finishers),
    .interval = 500,
};

unsigned flusher_interval(void)
{
    return atomic_load_relaxed(&flusher.interval);
}

void flusher_set_interval(unsigned centisecs)
{
    atomic_store_relaxed(&flusher.interval, centisecs);
}

/* Returns true if a round is to begin. Without an interval, a writer that reaches the limit of
   dirty pages still writes them (dirty.c). flusher.lock is held. */
static bool is_due(uint64_t last_ns)
{
    uint64_t interval_ns = flusher_interval() * CENTISEC_NS;

    if (flusher.is_asked)
        return true;
    return interval_ns &&
           (clock_monotonic_ns() - last_ns >= interval_ns || pagecache_has_many_dirty());
}

static __noreturn void flusher_thread(void *arg __unused)
{
    uint64_t last_ns = clock_monotonic_ns();

    spin_lock(&flusher.lock);
    for (;;) {
        while (!is_due(last_ns))
            (void)!waitq_sleep_until(&flusher.thread, &flusher.lock,
                                     clock_monotonic_ns() + LOOK_NS);
        flusher.is_asked = false;
        flusher.is_writing = true;
        spin_unlock(&flusher.lock);
        mount_sync_all();
        last_ns = clock_monotonic_ns();
        spin_lock(&flusher.lock);
        flusher.is_writing = false;
        flusher.rounds++;
        waitq_wake_all(&flusher.finishers);
    }
}

/* A round that is going on may have begun too early, so the next one is waited for. */
void flusher_finish(void)
{
    uint64_t deadline_ns = clock_monotonic_ns() + FINISH_NS;
    int err = 0;

    if (!flusher.is_started)
        return;
    spin_lock(&flusher.lock);
    flusher.is_asked = true;
    waitq_wake_all(&flusher.thread);
    uint64_t end = flusher.rounds + 1 + flusher.is_writing;
    while (flusher.rounds < end && !err)
        err = waitq_sleep_holding(&flusher.finishers, &flusher.lock, deadline_ns);
    spin_unlock(&flusher.lock);
    if (err)
        printk("disks: not everything is written\n");
}

void flusher_start(void)
{
    struct thread *thread = thread_create(flusher_thread, NULL);

    if (!thread)
        panic("no memory for the thread that writes to the disks");
    flusher.is_started = true;
    thread->has_references = true;
    thread_start(thread);
}
