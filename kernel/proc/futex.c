/* Futexes (proc/futex.h).

   A waiter stands in the bucket of its key, an object and an offset there. In private memory the
   object is the address space; in a shared mapping it is the pager, so that processes meet. A bucket
   is a tree, ordered by key and then by arrival. So a wake-up finds its first waiter in O(log n) steps, however
   many threads wait at other words; n is at most the number of threads.

   User memory cannot be read under a spinlock. So a waiter joins the bucket first, and reads the
   word then. Thread 1 joins, and reads the old value; thread 2 changes the word, and wakes: it finds
   thread 1. Or thread 2 changes the word and wakes before thread 1 has joined: then thread 1 reads
   the new value, and does not sleep. A waiter that was woken while it read returns 0, because the
   wake-up counts it.

   A waiter may move to another word (futex_requeue), and so to another bucket.

   Always true: a waiter is in the tree while `is_queued` is set, and on the stack of a thread that is
   in futex_wait. A key needs no reference on its address space, because the thread runs there. It
   has one on a pager. (A waiter that was moved keeps that of its first key. If the other object goes
   meanwhile, and a new one gets its address, a wake-up there ends the wait too early, as any wait may
   end: programs look at the word again.)

   Lock: bucket.lock (RANK_PIPE) guards the tree and the waiters in it. */

#include <linux/errno.h>
#include <linux/futex.h>
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

struct futex_key {
    const void *object;
    uint64_t offset;     /* bytes; of an address space: the address */
    struct pager *pager; /* the object, with a reference; NULL: an address space */
};

struct futex_waiter {
    RB_ENTRY(futex_waiter) node;       /* (bucket.lock) */
    struct futex_key key;              /* (bucket.lock) */
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
    if (a->key.object != b->key.object)
        return a->key.object < b->key.object ? -1 : 1;
    if (a->key.offset != b->key.offset)
        return a->key.offset < b->key.offset ? -1 : 1;
    return (a->arrival > b->arrival) - (a->arrival < b->arrival);
}

RB_GENERATE_STATIC(futex_tree, futex_waiter, node, waiter_compare)

static struct futex_bucket *bucket_of(const struct futex_waiter *key)
{
    uint64_t mixed = ((uaddr_t)key->key.object ^ key->key.offset) * 0x9e3779b97f4a7c15;

    return &buckets[mixed >> (64 - BUCKET_BITS)];
}

/* Makes a waiter at `word`, in no bucket, which may also serve as a key. The caller passes key.pager
   to pager_done. */
static void waiter_init(struct futex_waiter *waiter, const struct futex_word *word, uint32_t bits)
{
    struct vspace *vspace = process_current()->vspace;
    struct futex_key *key = &waiter->key;

    waiter->bits = bits;
    waiter->arrival = 0;
    waiter->is_queued = false;
    key->pager = NULL;
    if (!word->is_private)
        key->pager = vspace_shared_object(vspace, (uaddr_t)word->at, &key->offset);
    if (!key->pager)
        key->offset = (uaddr_t)word->at;
    key->object = key->pager ? (const void *)key->pager : vspace;
}

/* `pager` is that of the key with which the waiter was made. */
static void pager_done(struct pager *pager)
{
    if (pager)
        pager->ops->put(pager, false);
}

static bool is_at(const struct futex_waiter *waiter, const struct futex_waiter *key)
{
    return waiter->key.object == key->key.object && waiter->key.offset == key->key.offset;
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

int futex_wait(const struct futex_word *word, uint32_t expected, uint32_t bits,
               uint64_t deadline_ns)
{
    struct futex_waiter waiter;
    uint32_t value;

    waiter_init(&waiter, word, bits);
    struct pager *pager = waiter.key.pager;
    waiter_join(&waiter);
    int err = get_user(&value, word->at) ? -EFAULT : value == expected ? 0 : -EAGAIN;
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
    pager_done(pager);
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

int futex_wake(const struct futex_word *word, int limit, uint32_t bits)
{
    struct futex_waiter key;

    waiter_init(&key, word, bits);
    struct futex_bucket *bucket = bucket_of(&key);
    spin_lock(&bucket->lock);
    int woken = wake_locked(bucket, &key, limit);
    spin_unlock(&bucket->lock);
    pager_done(key.key.pager);
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
        waiter->key = to->key;
        waiter->arrival = ++bucket->arrivals;
        RB_INSERT(futex_tree, &bucket->waiters, waiter);
        atomic_store(&waiter->bucket, bucket);
    }
    spin_unlock(&bucket->lock);
}

int futex_requeue(const struct futex_word *from, int wake_limit, const struct futex_word *to,
                  int move_limit, int *moved)
{
    struct futex_waiter key, target;
    struct futex_list list = STAILQ_HEAD_INITIALIZER(list);

    waiter_init(&key, from, FUTEX_ANY_BITS);
    waiter_init(&target, to, FUTEX_ANY_BITS);
    struct futex_bucket *bucket = bucket_of(&key);
    preempt_disable(); /* a waiter may spin for us in lock_bucket_of */
    spin_lock(&bucket->lock);
    int woken = wake_limit > 0 ? wake_locked(bucket, &key, wake_limit) : 0;
    *moved = take_locked(bucket, &key, move_limit, &list);
    spin_unlock(&bucket->lock);
    put_moved(&list, &target);
    preempt_enable();
    pager_done(key.key.pager);
    pager_done(target.key.pager);
    return woken;
}

/* ---- FUTEX_WAKE_OP ---- */

/* The parts of its last argument, as <linux/futex.h> packs them. */
struct wake_op {
    unsigned operation, comparison; /* FUTEX_OP_, FUTEX_OP_CMP_ */
    int32_t operand, compared;      /* 12 bits with a sign */
};

static int32_t sign_extend_12(uint32_t bits)
{
    return (int32_t)(bits << 20) >> 20;
}

static struct wake_op wake_op_unpack(uint32_t packed)
{
    struct wake_op op = {
        .operation = packed >> 28 & 7,
        .comparison = packed >> 24 & 15,
        .operand = sign_extend_12(packed >> 12),
        .compared = sign_extend_12(packed),
    };

    if (packed >> 28 & FUTEX_OP_OPARG_SHIFT)
        op.operand = 1u << (op.operand & 31);
    return op;
}

/* Returns in *wanted the value that the operation makes of `old`. -ENOSYS. */
static int wake_op_apply(const struct wake_op *op, uint32_t old, uint32_t *wanted)
{
    switch (op->operation) {
    case FUTEX_OP_SET:
        *wanted = op->operand;
        return 0;
    case FUTEX_OP_ADD:
        *wanted = old + op->operand;
        return 0;
    case FUTEX_OP_OR:
        *wanted = old | op->operand;
        return 0;
    case FUTEX_OP_ANDN:
        *wanted = old & ~op->operand;
        return 0;
    case FUTEX_OP_XOR:
        *wanted = old ^ op->operand;
        return 0;
    default:
        return -ENOSYS;
    }
}

/* Returns 1 or 0, the result of the comparison. -ENOSYS. */
static int wake_op_compare(const struct wake_op *op, int32_t old)
{
    switch (op->comparison) {
    case FUTEX_OP_CMP_EQ:
        return old == op->compared;
    case FUTEX_OP_CMP_NE:
        return old != op->compared;
    case FUTEX_OP_CMP_LT:
        return old < op->compared;
    case FUTEX_OP_CMP_GE:
        return old >= op->compared;
    case FUTEX_OP_CMP_LE:
        return old <= op->compared;
    case FUTEX_OP_CMP_GT:
        return old > op->compared;
    default:
        return -ENOSYS;
    }
}

/* Changes a word from whatever it is. The loop goes on while other threads change the word in
   between, and ends when the task is killed. */
static int wake_op_change(const struct wake_op *op, uint32_t __user *word, uint32_t *old)
{
    uint32_t seen, wanted;

    if (get_user(old, word))
        return -EFAULT;
    do {
        seen = *old;
        int err = wake_op_apply(op, seen, &wanted);
        if (!err)
            err = cmpxchg_user(word, old, wanted);
        if (err)
            return err;
    } while (*old != seen && !thread_is_killed());
    return 0;
}

int futex_wake_op(const struct futex_word *first, int limit, const struct futex_word *second,
                  int second_limit, uint32_t operation)
{
    const struct wake_op op = wake_op_unpack(operation);
    uint32_t old;
    int err = wake_op_change(&op, second->at, &old);

    if (err)
        return err;
    int also = wake_op_compare(&op, old);
    if (also < 0)
        return also;
    int woken = futex_wake(first, limit, FUTEX_ANY_BITS);
    return also ? woken + futex_wake(second, second_limit, FUTEX_ANY_BITS) : woken;
}

/* ---- The end of a task ---- */

/* Wakes a waiter of a word that processes may share. */
static void wake_one(uint32_t __user *word)
{
    (void)futex_wake(&(struct futex_word){.at = word}, 1, FUTEX_ANY_BITS);
}

/* Lets go a word of the robust list that the ending task holds. `is_pending`: the task was about to
   take or to release it. Errors leave the word as it is. */
static void robust_release(uint32_t __user *word, bool is_pending)
{
    uint32_t value, wanted, seen;

    if ((uaddr_t)word % sizeof(*word) || get_user(&value, word))
        return;
    if (is_pending && value == 0) { /* released, but a waiter may not be woken yet */
        wake_one(word);
        return;
    }
    do {
        if ((value & FUTEX_TID_MASK) != (uint32_t)task_current()->tid)
            return;
        seen = value;
        wanted = (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
        if (cmpxchg_user(word, &value, wanted))
            return;
    } while (value != seen); /* another thread has changed the word in between */
    if (value & FUTEX_WAITERS)
        wake_one(word);
}

/* The lowest bit of an address in the list marks a lock with priority inheritance, which Pagoda does
   not have: its word is released like the others. Linux's header says of no pointer in the list that
   it is the user's. */
static uaddr_t robust_entry(const struct robust_list *entry)
{
    return (uaddr_t)entry & ~1ul;
}

/* Walks the list of the robust locks that the task holds. The list is in user memory, so it may be
   anything, even a ring: the walk ends after ROBUST_LIST_LIMIT entries, as on Linux. */
static void robust_walk(uaddr_t list)
{
    struct robust_list_head head;

    if (get_user(&head, (struct robust_list_head __user *)list))
        return;
    uaddr_t pending = robust_entry(head.list_op_pending);
    uaddr_t entry = robust_entry(head.list.next);
    for (unsigned n = 0; entry != list && n < ROBUST_LIST_LIMIT; n++) {
        struct robust_list next;
        bool is_last = get_user(&next, (struct robust_list __user *)entry);

        if (entry != pending)
            robust_release((uint32_t __user *)(entry + head.futex_offset), false);
        if (is_last)
            return;
        entry = robust_entry(next.next);
    }
    if (pending)
        robust_release((uint32_t __user *)(pending + head.futex_offset), true);
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
    uaddr_t list = self->robust_list;
    const uint32_t zero = 0;

    self->clear_tid = 0;
    atomic_store_relaxed(&self->robust_list, 0);
    if (list)
        robust_walk(list); /* its words may be in memory that processes share */
    if (word && is_space_shared(self->process) &&
        !put_user(word, &zero)) /* may fail, as on Linux */
        wake_one(word);
}
