/* The flushers: a thread of the kernel for each disk, that writes everything to it now and then, so
   that a loss of power costs the work of some seconds. They take references as threads of
   processes do, so the audit waits for them.

   A thread looks every second. A round begins if the last one was long ago, if a tenth of the
   memory for files is dirty, or if it is asked for. A disk that is slow, or does not answer, delays
   its own thread alone. Such a thread may wait for a lock whose holder waits for the disk.

   Lock: flushers_lock (RANK_PIPE). */
#include <linux/errno.h>
#include <arch/atomic.h>
#include <arch/clock.h>
#include <arch/console.h>
#include <dev/block.h>
#include <fs/blockdev.h>
#include <fs/flusher.h>
#include <fs/mount.h>
#include <fs/pagecache.h>
#include <lib/panic.h>
#include <sched/thread.h>
#include <sched/waitq.h>

#define LOOK_NS     1000000000ul
#define CENTISEC_NS 10000000ul
#define SILENCE_NS  10000000000ul /* of a disk, after which the machine ends without it */

struct flusher {
    struct block_device *disk; /* (c) NULL: there are no more */
    struct waitq thread;       /* where the thread sleeps */
    bool is_asked;             /* (lock) a round is to begin at once */
    bool is_writing;           /* (lock) a round is going on */
    uint64_t rounds;           /* (lock) that have ended */
};

static struct flusher flushers[BLOCK_DEVICES];
static struct spinlock flushers_lock = SPINLOCK(RANK_PIPE);
static struct waitq flushers_finished = WAITQ(flushers_finished); /* waits for the end of a round */
static unsigned interval = 500;                                   /* (a) hundredths of a second */

unsigned flusher_interval(void)
{
    return atomic_load_relaxed(&interval);
}

void flusher_set_interval(unsigned centisecs)
{
    atomic_store_relaxed(&interval, centisecs);
}

/* Returns true if a round is to begin. Without an interval, a writer that reaches the limit of
   dirty pages still writes them (dirty.c). flushers_lock is held. */
static bool is_due(const struct flusher *flusher, uint64_t last_ns)
{
    uint64_t interval_ns = flusher_interval() * CENTISEC_NS;

    if (flusher->is_asked)
        return true;
    return interval_ns &&
           (clock_monotonic_ns() - last_ns >= interval_ns || pagecache_has_many_dirty());
}

static __noreturn void flusher_thread(void *arg)
{
    struct flusher *flusher = arg;
    uint64_t last_ns = clock_monotonic_ns();

    spin_lock(&flushers_lock);
    for (;;) {
        while (!is_due(flusher, last_ns))
            (void)!waitq_sleep_until(&flusher->thread, &flushers_lock,
                                     clock_monotonic_ns() + LOOK_NS);
        flusher->is_asked = false;
        flusher->is_writing = true;
        spin_unlock(&flushers_lock);
        mount_sync_device(blockdev_number(flusher->disk));
        last_ns = clock_monotonic_ns();
        spin_lock(&flushers_lock);
        flusher->is_writing = false;
        flusher->rounds++;
        waitq_wake_all(&flushers_finished);
    }
}

/* Asks for a round of each disk that begins from now on. A round that is going on may have begun
   too early, so the next one is waited for. */
static void ask_all(uint64_t ends[BLOCK_DEVICES])
{
    spin_lock(&flushers_lock);
    for (unsigned n = 0; n < BLOCK_DEVICES && flushers[n].disk; n++) {
        flushers[n].is_asked = true;
        ends[n] = flushers[n].rounds + 1 + flushers[n].is_writing;
        waitq_wake_all(&flushers[n].thread);
    }
    spin_unlock(&flushers_lock);
}

int flusher_sync(void)
{
    uint64_t ends[BLOCK_DEVICES] = {0};
    int err = 0;

    ask_all(ends);
    spin_lock(&flushers_lock);
    for (unsigned n = 0; n < BLOCK_DEVICES && flushers[n].disk; n++)
        while (flushers[n].rounds < ends[n] && !err)
            err = waitq_sleep_holding(&flushers_finished, &flushers_lock, UINT64_MAX);
    spin_unlock(&flushers_lock);
    return err;
}

static uint64_t requests_of(struct block_device *disk)
{
    uint64_t sum = 0;

    for (enum block_op op = 0; op < BLOCK_OPS; op++)
        sum += block_count(disk, op).requests;
    return sum;
}

/* Sleeps until a flusher has ended so many rounds, or its disk has carried out no request for a
   time. Returns true if it has. flushers_lock is held. */
static bool await_rounds(const struct flusher *flusher, uint64_t rounds)
{
    uint64_t since_ns = clock_monotonic_ns(), done = 0;
    int err = 0;

    while (flusher->rounds < rounds && err != -EINTR) {
        uint64_t now_done = requests_of(flusher->disk), now_ns = clock_monotonic_ns();

        if (now_done != done)
            since_ns = now_ns;
        else if (now_ns - since_ns >= SILENCE_NS)
            break;
        done = now_done;
        err = waitq_sleep_holding(&flushers_finished, &flushers_lock, now_ns + LOOK_NS);
    }
    return flusher->rounds >= rounds;
}

void flusher_finish(void)
{
    uint64_t ends[BLOCK_DEVICES] = {0};

    ask_all(ends);
    for (unsigned n = 0; n < BLOCK_DEVICES && flushers[n].disk; n++) {
        spin_lock(&flushers_lock);
        bool is_done = await_rounds(&flushers[n], ends[n]);
        spin_unlock(&flushers_lock);
        if (!is_done)
            printk("%s: not everything is written\n", flushers[n].disk->name);
    }
}

void flusher_start(void)
{
    struct block_device *disk;

    for (unsigned n = 0; (disk = block_device(n)); n++) {
        struct thread *thread = thread_create(flusher_thread, &flushers[n]);

        if (!thread)
            panic("no memory for the thread that writes to a disk");
        flushers[n].disk = disk;
        waitq_init(&flushers[n].thread);
        thread->has_references = true;
        thread_start(thread);
    }
}
