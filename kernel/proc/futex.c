/* Futexes (proc/futex.h).

   A waiter stands in the bucket of its key, an address space and an address. A bucket is a tree,
   ordered by key and then by arrival. So a wake-up finds its first waiter in O(log n) steps, however
   many threads wait at other words; n is at most the number of threads.

   User memory cannot be read under a spinlock. So a waiter joins the bucket first, and reads the
   word then. Thread 1 joins, and reads the old value; thread 2 changes the word, and wakes: it finds
   thread 1. Or thread 2 changes the word and wakes before thread 1 has joined: then thread 1 reads
   the new value, and does not sleep. A waiter that was woken while it read returns 0, because the
   wake-up counts it.

   A waiter may move to another word (futex_requeue), and so to another bucket.

   Always true: a waiter is in the tree while `is_queued` is set, and on the stack of a thread that is
   in futex_wait. A key needs no reference on its address space, because the thread runs there.

   Lock: bucket.lock (RANK_PIPE) guards the tree and the waiters in it. */

#include <linux/errno.h>
#include <sys/queue.h>
#include <sys/tree.h>
#include <arch/atomic.h>
#include <arch/cpu.h>
#include <proc/futex.h>
#include <proc/process.h>
#include <sched/waitq.h>
#include <vm/usercopy.h>

#define BUCKET_BITS 6
#define BUCKETS     (1u << BUCKET_BITS)

struct futex_waiter {
    RB_ENTRY(futex_waiter) node;       /* (bucket.lock) */
    const struct vspace *space;        /* constant; with `word`, the key */
    uaddr_t word;                      /* (bucket.lock) */
    uint64_t arrival;                  /* (bucket.lock) unique in the bucket */
    struct futex_bucket *bucket;       /* atomic; NULL while it moves to another one */
    uint32_t bits;                     /* constant; a wake-up must have one of them */
    bool is_queued;                    /* (bucket.lock) false: not yet, or woken */
    STAILQ_ENTRY(futex_waiter) moving; /* the mover alone uses it */
    struct waitq woken;
};

RB_HEAD(futex_tree, futex_waiter);
STAILQ_HEAD(futex_list, futex_waiter);

static struct futex_bucket {
    struct spinlock lock;
    struct futex_tree waiters; /* (lock) */
    uint64_t arrivals;         /* (lock) waiters that have joined since boot */
} buckets[BUCKETS] = {[0 ... BUCKETS - 1] = {.lock = SPINLOCK(RANK_PIPE)}};

static int waiter_compare(const struct futex_waiter *a, const struct futex_waiter *b)
{
    if (a->space != b->space)
        return a->space < b->space ? -1 : 1;
    if (a->word != b->word)
        return a->word < b->word ? -1 : 1;
    return (a->arrival > b->arrival) - (a->arrival < b->arrival);
}

RB_GENERATE_STATIC(futex_tree, futex_waiter, node, waiter_compare)

static struct futex_bucket *bucket_of(const struct futex_waiter *key)
{
    uint64_t mixed = ((uaddr_t)key->space ^ key->word) * 0x9e3779b97f4a7c15;

    return &buckets[mixed >> (64 - BUCKET_BITS)];
}

/* Returns a waiter at `word` in the current address space, in no bucket. */
static struct futex_waiter waiter_at(const uint32_t __user *word, uint32_t bits)
{
    return (struct futex_waiter){
        .space = process_current()->vspace,
        .word = (uaddr_t)word,
        .bits = bits,
    };
}

static bool is_at(const struct futex_waiter *waiter, const struct futex_waiter *key)
{
    return waiter->space == key->space && waiter->word == key->word;
}

static void waiter_join(struct futex_waiter *waiter)
{
    struct futex_bucket *bucket = bucket_of(waiter);

    waitq_init(&waiter->woken);
    spin_lock(&bucket->lock);
    waiter->bucket = bucket;
    waiter->arrival = ++bucket->arrivals;
    waiter->is_queued = true;
    RB_INSERT(futex_tree, &bucket->waiters, waiter);
    spin_unlock(&bucket->lock);
}

/* Removes the waiter from its bucket. The lock is held. */
static void waiter_leave(struct futex_bucket *bucket, struct futex_waiter *waiter)
{
    RB_REMOVE(futex_tree, &bucket->waiters, waiter);
    waiter->is_queued = false;
}

/* Locks the bucket in which the waiter stands, or from which it was woken. Between the two locks of
   futex_requeue a waiter is in no bucket for some instructions. */
static struct futex_bucket *lock_bucket_of(const struct futex_waiter *waiter)
{
    for (;;) {
        struct futex_bucket *bucket = atomic_load(&waiter->bucket);

        if (!bucket) {
            cpu_relax();
            continue;
        }
        spin_lock(&bucket->lock);
        if (bucket == atomic_load(&waiter->bucket))
            return bucket;
        spin_unlock(&bucket->lock);
    }
}

int futex_wait(const uint32_t __user *word, uint32_t expected, uint32_t bits, uint64_t deadline_ns)
{
    struct futex_waiter waiter = waiter_at(word, bits);
    uint32_t value;

    waiter_join(&waiter);
    int err = get_user(&value, word) ? -EFAULT : value == expected ? 0 : -EAGAIN;
    struct futex_bucket *bucket = lock_bucket_of(&waiter);
    while (waiter.is_queued && !err) {
        err = waitq_sleep_until(&waiter.woken, &bucket->lock, deadline_ns);
        spin_unlock(&bucket->lock);
        bucket = lock_bucket_of(&waiter); /* another one, if it was moved */
    }
    if (waiter.is_queued)
        waiter_leave(bucket, &waiter);
    else
        err = 0;
    spin_unlock(&bucket->lock);
    return err;
}

/* Returns the first waiter at the word of `key`. No waiter has arrived as number 0. */
static struct futex_waiter *first_at(struct futex_bucket *bucket, struct futex_waiter *key)
{
    struct futex_waiter *waiter = RB_NFIND(futex_tree, &bucket->waiters, key);

    return waiter && is_at(waiter, key) ? waiter : NULL;
}

static struct futex_waiter *next_at(struct futex_waiter *waiter, const struct futex_waiter *key)
{
    struct futex_waiter *next = RB_NEXT(futex_tree, &bucket->waiters, waiter);

    return next && is_at(next, key) ? next : NULL;
}

/* Wakes waiters at the word of `key`. The lock is held. */
static int wake_locked(struct futex_bucket *bucket, struct futex_waiter *key, int limit)
{
    struct futex_waiter *next;
    int woken = 0;

    for (struct futex_waiter *waiter = first_at(bucket, key); waiter; waiter = next) {
        next = next_at(waiter, key);
        if (!(waiter->bits & key->bits))
            continue;
        waiter_leave(bucket, waiter);
        waitq_wake_all(&waiter->woken);
        if (++woken >= limit)
            break;
    }
    return woken;
}

int futex_wake(const uint32_t __user *word, int limit, uint32_t bits)
{
    struct futex_waiter key = waiter_at(word, bits);
    struct futex_bucket *bucket = bucket_of(&key);

    spin_lock(&bucket->lock);
    int woken = wake_locked(bucket, &key, limit);
    spin_unlock(&bucket->lock);
    return woken;
}

/* Takes waiters at the word of `key` out of their bucket, in the order of their arrival. The lock is
   held. */
static int take_locked(struct futex_bucket *bucket, struct futex_waiter *key, int limit,
                       struct futex_list *moved)
{
    int count = 0;
    struct futex_waiter *waiter;

    while (count < limit && (waiter = first_at(bucket, key))) {
        RB_REMOVE(futex_tree, &bucket->waiters, waiter);
        atomic_store(&waiter->bucket, NULL);
        STAILQ_INSERT_TAIL(moved, waiter, moving);
        count++;
    }
    return count;
}

/* Puts waiters into the bucket of `to`, as the last to arrive there. */
static void put_moved(struct futex_list *moved, const struct futex_waiter *to)
{
    struct futex_bucket *bucket = bucket_of(to);
    struct futex_waiter *waiter;

    spin_lock(&bucket->lock);
    while ((waiter = STAILQ_FIRST(moved))) {
        STAILQ_REMOVE_HEAD(moved, moving);
        waiter->word = to->word;
        waiter->arrival = ++bucket->arrivals;
        RB_INSERT(futex_tree, &bucket->waiters, waiter);
        atomic_store(&waiter->bucket, bucket);
    }
    spin_unlock(&bucket->lock);
}

int futex_requeue(const uint32_t __user *from, int wake_limit, const uint32_t __user *to,
                  int move_limit, int *moved)
{
    struct futex_waiter key = waiter_at(from, FUTEX_ANY_BITS);
    struct futex_waiter target = waiter_at(to, FUTEX_ANY_BITS);
    struct futex_bucket *bucket = bucket_of(&key);
    struct futex_list list = STAILQ_HEAD_INITIALIZER(list);

    preempt_disable(); /* a waiter may spin for us in lock_bucket_of */
    spin_lock(&bucket->lock);
    int woken = wake_limit > 0 ? wake_locked(bucket, &key, wake_limit) : 0;
    *moved = take_locked(bucket, &key, move_limit, &list);
    spin_unlock(&bucket->lock);
    put_moved(&list, &target);
    preempt_enable();
    return woken;
}

/* Returns true if another task, of this process or of one that borrows the address space, may wait
   there. */
static bool is_space_shared(struct process *process)
{
    if (!process->vspace)
        return false;
    spin_lock(&process->signals.lock);
    bool is_alone = !TAILQ_NEXT(TAILQ_FIRST(&process->tasks), link);
    spin_unlock(&process->signals.lock);
    return !is_alone || atomic_load(&process->vspace->refs) > 1;
}

void futex_leave(void)
{
    struct task *self = task_current();
    uint32_t __user *word = (uint32_t __user *)self->clear_tid;
    const uint32_t zero = 0;

    self->clear_tid = 0;
    if (!word || !is_space_shared(self->process))
        return;
    if (!put_user(word, &zero)) /* may fail, as on Linux */
        (void)futex_wake(word, 1, FUTEX_ANY_BITS);
}
