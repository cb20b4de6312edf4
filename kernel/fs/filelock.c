/* Locks that programs take on files (fs/filelock.h).

   A vnode that has locks or waiters points to a struct filelocks: a list of the owners of record
   locks, the ranges of each (ranges.h), and the flocks, of which counts are enough. A request
   costs O(log n) for each other owner. There are at most as many owners as processes and open files
   with locks on the file. A thread that cannot have its lock joins the waiters of the file. Any
   lock that is dropped there wakes all of them, and each tries again.

   A process that waits for another process may wait for itself in the end. `blocked` has an edge
   from each waiting process to the first owner in its way. A request that would close a circle
   fails with -EDEADLK. A dropped lock removes the edges of all waiters of its file, so no edge is
   out of date.

   Always true: a struct filelocks has an owner, a flock or a waiter; an owner has a range. An owner
   and a holder of a flock have the file open, so a vnode is freed without locks.

   Locks: filelock_mutex (RANK_FILES, sleeps) guards all that is marked (m), and is not held while a
   thread waits. wait_lock (RANK_PIPE) guards `is_woken` of the waiters. */
#include <linux/errno.h>
#include <fs/filelock.h>
#include <lib/panic.h>
#include <mm/heap.h>
#include <sched/lock.h>
#include "ranges.h"

/* As <fcntl.h> has them; Linux's own headers for the kernel have them too. */
_Static_assert(F_RDLCK == 0 && F_WRLCK == 1, "kinds index the trees of ranges");

struct lock_owner {
    TAILQ_ENTRY(lock_owner) link; /* (m) */
    const void *id;               /* constant */
    int pid;                      /* constant */
    struct lock_ranges ranges;    /* (m) */
};

/* On the stack of its thread. */
struct lock_waiter {
    TAILQ_ENTRY(lock_waiter) link; /* (m) */
    RB_ENTRY(lock_waiter) edge;    /* (m) */
    const void *owner;             /* constant; a process; NULL: it has no edge */
    const void *blocker;           /* (m) the owner that it waits for */
    bool is_queued;                /* (m) */
    bool is_woken;                 /* (wait_lock) */
    struct waitq woken;
};

struct filelocks {
    TAILQ_HEAD(, lock_owner) owners;   /* (m) in the order of their first lock */
    TAILQ_HEAD(, lock_waiter) waiters; /* (m) */
    unsigned flocks;                   /* (m) open files that have a flock */
    bool is_exclusive;                 /* (m) it is LOCK_EX; there is one */
};

static struct mutex filelock_mutex = {
    .lock = SPINLOCK(RANK_PIPE),
    .rank = RANK_FILES,
    .waiters = WAITQ(filelock_mutex.waiters),
};
static struct spinlock wait_lock = SPINLOCK(RANK_PIPE);

/* ---- The locks of a vnode ---- */

/* Returns the locks of a vnode, or NULL if memory is out. */
static struct filelocks *locks_of(struct vnode *vnode)
{
    struct filelocks *locks = vnode->locks;

    assert(mutex_is_held(&filelock_mutex));
    if (locks)
        return locks;
    locks = heap_alloc_zeroed(sizeof(*locks));
    if (!locks)
        return NULL;
    TAILQ_INIT(&locks->owners);
    TAILQ_INIT(&locks->waiters);
    atomic_store(&vnode->locks, locks);
    return locks;
}

static void locks_free_if_unused(struct vnode *vnode)
{
    struct filelocks *locks = vnode->locks;

    if (!locks || !TAILQ_EMPTY(&locks->owners) || !TAILQ_EMPTY(&locks->waiters) || locks->flocks)
        return;
    atomic_store(&vnode->locks, NULL);
    heap_free(locks);
}

/* ---- Waiting ---- */

static int edge_compare(const struct lock_waiter *a, const struct lock_waiter *b)
{
    if (a->owner != b->owner)
        return a->owner < b->owner ? -1 : 1;
    return (a > b) - (a < b);
}

RB_HEAD(edge_tree, lock_waiter);
RB_GENERATE_STATIC(edge_tree, lock_waiter, edge, edge_compare)

static struct edge_tree blocked = RB_INITIALIZER(blocked); /* (m) waiters with an edge, by owner */
static unsigned nblocked;                                  /* (m) of them */

/* Returns the owner that `owner` waits for, or NULL. */
static const void *blocker_of(const void *owner)
{
    struct lock_waiter *waiter = RB_ROOT(&blocked);

    while (waiter && waiter->owner != owner)
        waiter = owner < waiter->owner ? RB_LEFT(waiter, edge) : RB_RIGHT(waiter, edge);
    return waiter ? waiter->blocker : NULL;
}

/* Returns true if `owner` would wait for itself if it waited for `blocker`. There is no circle yet,
   so the chain has at most as many steps as there are waiters. */
static bool closes_circle(const void *owner, const void *blocker)
{
    for (unsigned n = 0; blocker && n <= nblocked; n++) {
        if (blocker == owner)
            return true;
        blocker = blocker_of(blocker);
    }
    return false;
}

static void waiter_add(struct filelocks *locks, struct lock_waiter *waiter)
{
    waitq_init(&waiter->woken);
    waiter->is_woken = false;
    waiter->is_queued = true;
    TAILQ_INSERT_TAIL(&locks->waiters, waiter, link);
    if (waiter->owner) {
        RB_INSERT(edge_tree, &blocked, waiter);
        nblocked++;
    }
}

static void waiter_remove(struct filelocks *locks, struct lock_waiter *waiter)
{
    TAILQ_REMOVE(&locks->waiters, waiter, link);
    waiter->is_queued = false;
    if (waiter->owner) {
        RB_REMOVE(edge_tree, &blocked, waiter);
        nblocked--;
    }
}

/* Wakes the waiters of a file, and removes them: those that must go on waiting join again. A waiter
   exists until it has taken filelock_mutex, which the caller holds. */
static void wake_waiters(struct filelocks *locks)
{
    struct lock_waiter *waiter;

    while ((waiter = TAILQ_FIRST(&locks->waiters))) {
        waiter_remove(locks, waiter);
        spin_lock(&wait_lock);
        waiter->is_woken = true;
        waitq_wake_all(&waiter->woken);
        spin_unlock(&wait_lock);
    }
}

/* Sleeps until a lock of the file is dropped. filelock_mutex is held, but not during the sleep.
   After it, `locks` may be freed. Returns -EINTR if a signal came first. */
static int waiter_sleep(struct filelocks *locks, struct lock_waiter *waiter)
{
    int err = 0;

    waiter_add(locks, waiter);
    mutex_unlock(&filelock_mutex);
    spin_lock(&wait_lock);
    while (!waiter->is_woken && !err)
        err = waitq_sleep(&waiter->woken, &wait_lock);
    spin_unlock(&wait_lock);
    mutex_lock(&filelock_mutex);
    if (!waiter->is_queued)
        return 0;
    waiter_remove(locks, waiter);
    return err;
}

/* ---- Record locks ---- */

static struct lock_owner *owner_find(struct filelocks *locks, const void *id)
{
    struct lock_owner *owner;

    TAILQ_FOREACH (owner, &locks->owners, link)
        if (owner->id == id)
            return owner;
    return NULL;
}

/* Returns the owner of the request, which may be new and without ranges; NULL if memory is out. */
static struct lock_owner *owner_make(struct filelocks *locks, const struct record_lock *wanted)
{
    struct lock_owner *owner = owner_find(locks, wanted->owner);

    if (owner)
        return owner;
    owner = heap_alloc_zeroed(sizeof(*owner));
    if (!owner)
        return NULL;
    *owner = (struct lock_owner){.id = wanted->owner, .pid = wanted->pid};
    TAILQ_INSERT_TAIL(&locks->owners, owner, link);
    return owner;
}

static void owner_free_if_unused(struct filelocks *locks, struct lock_owner *owner)
{
    if (!ranges_are_empty(&owner->ranges))
        return;
    TAILQ_REMOVE(&locks->owners, owner, link);
    heap_free(owner);
}

/* Returns the first lock of `owner` in the range of `wanted`, of a kind from `from` on; F_UNLCK if
   there is none. */
static struct record_lock owner_lock_in(struct lock_owner *owner, const struct record_lock *wanted,
                                        short from)
{
    struct record_lock found = {.kind = F_UNLCK, .owner = owner->id, .pid = owner->pid};

    for (short kind = from; kind <= F_WRLCK; kind++) {
        const struct lock_range *range =
            ranges_find(&owner->ranges, kind, wanted->start, wanted->end);

        if (!range || (found.kind != F_UNLCK && found.start < range->start))
            continue;
        found.kind = kind;
        found.start = range->start;
        found.end = range->end;
    }
    return found;
}

/* Returns a lock of another owner that stands in the way. Readers stand in a writer's way only. */
static struct record_lock find_conflict(struct filelocks *locks, const struct record_lock *wanted)
{
    struct lock_owner *owner;

    TAILQ_FOREACH (owner, &locks->owners, link) {
        if (owner->id == wanted->owner)
            continue;
        struct record_lock found =
            owner_lock_in(owner, wanted, wanted->kind == F_WRLCK ? F_RDLCK : F_WRLCK);
        if (found.kind != F_UNLCK)
            return found;
    }
    return (struct record_lock){.kind = F_UNLCK};
}

static struct record_lock find_own(struct filelocks *locks, const struct record_lock *wanted)
{
    struct lock_owner *owner = owner_find(locks, wanted->owner);

    return owner ? owner_lock_in(owner, wanted, F_RDLCK) : (struct record_lock){.kind = F_UNLCK};
}

struct record_lock filelock_test(struct vnode *vnode, const struct record_lock *wanted)
{
    struct record_lock found = {.kind = F_UNLCK};

    mutex_lock(&filelock_mutex);
    if (vnode->locks)
        found = wanted->kind == F_UNLCK ? find_own(vnode->locks, wanted)
                                        : find_conflict(vnode->locks, wanted);
    mutex_unlock(&filelock_mutex);
    return found;
}

/* Sets the ranges of the owner, with no lock of others in the way. -ENOLCK. */
static int set_ranges(struct filelocks *locks, const struct record_lock *wanted)
{
    struct lock_owner *owner = owner_make(locks, wanted);

    if (!owner)
        return -ENOLCK;
    int err = ranges_set(&owner->ranges, wanted->kind, wanted->start, wanted->end);
    owner_free_if_unused(locks, owner);
    if (!err && wanted->kind != F_WRLCK)
        wake_waiters(locks);
    return err;
}

/* Tries to set a lock. -EAGAIN: `blocker` is the owner in the way. -ENOLCK. */
static int try_record(struct vnode *vnode, const struct record_lock *wanted, const void **blocker)
{
    struct filelocks *locks = locks_of(vnode);

    if (!locks)
        return -ENOLCK;
    if (wanted->kind != F_UNLCK) {
        struct record_lock found = find_conflict(locks, wanted);

        *blocker = found.owner;
        if (found.kind != F_UNLCK)
            return -EAGAIN;
    }
    return set_ranges(locks, wanted);
}

static int set_or_wait(struct vnode *vnode, const struct record_lock *wanted)
{
    bool is_process = wanted->pid != FILELOCK_OPEN_FILE;
    struct lock_waiter waiter = {.owner = is_process ? wanted->owner : NULL};
    int err;

    while ((err = try_record(vnode, wanted, &waiter.blocker)) == -EAGAIN) {
        if (is_process && closes_circle(wanted->owner, waiter.blocker))
            return -EDEADLK;
        err = waiter_sleep(vnode->locks, &waiter);
        if (err)
            return err;
    }
    return err;
}

int filelock_set(struct vnode *vnode, const struct record_lock *wanted, enum filelock_wait wait)
{
    const void *blocker;

    mutex_lock(&filelock_mutex);
    int err =
        wait == FILELOCK_WAIT ? set_or_wait(vnode, wanted) : try_record(vnode, wanted, &blocker);
    locks_free_if_unused(vnode);
    mutex_unlock(&filelock_mutex);
    return err;
}

/* Drops the record locks of an owner. filelock_mutex is held. */
static void drop_owner(struct filelocks *locks, const void *id)
{
    struct lock_owner *owner = owner_find(locks, id);

    if (!owner)
        return;
    ranges_clear(&owner->ranges);
    owner_free_if_unused(locks, owner);
    wake_waiters(locks);
}

void filelock_drop_records(struct vnode *vnode, const void *owner)
{
    if (!atomic_load(&vnode->locks)) /* the owner's own locks would show */
        return;
    mutex_lock(&filelock_mutex);
    if (vnode->locks)
        drop_owner(vnode->locks, owner);
    locks_free_if_unused(vnode);
    mutex_unlock(&filelock_mutex);
}

/* ---- flock ---- */

/* Drops the flock of a file, if it has one. filelock_mutex is held. */
static void drop_flock(struct file *file)
{
    struct filelocks *locks = file->vnode->locks;

    if (!file->flock)
        return;
    file->flock = 0;
    locks->flocks--;
    locks->is_exclusive = false;
    wake_waiters(locks);
}

/* Tries to give a flock to a file that has none. -EAGAIN, -ENOLCK. */
static int try_flock(struct file *file, unsigned kind)
{
    struct filelocks *locks = locks_of(file->vnode);

    if (!locks)
        return -ENOLCK;
    if (locks->is_exclusive || (kind == LOCK_EX && locks->flocks))
        return -EAGAIN;
    file->flock = kind;
    locks->flocks++;
    locks->is_exclusive = kind == LOCK_EX;
    return 0;
}

/* Gives a file another flock than it has. filelock_mutex is held. */
static int change_flock(struct file *file, unsigned kind, enum filelock_wait wait)
{
    struct lock_waiter waiter = {0};
    int err;

    drop_flock(file);
    if (kind == LOCK_UN)
        return 0;
    while ((err = try_flock(file, kind)) == -EAGAIN && wait == FILELOCK_WAIT) {
        err = waiter_sleep(file->vnode->locks, &waiter);
        if (err)
            return err;
        drop_flock(file); /* another thread may have taken one for this file */
    }
    return err;
}

int filelock_flock(struct file *file, unsigned kind, enum filelock_wait wait)
{
    mutex_lock(&filelock_mutex);
    int err = file->flock == kind ? 0 : change_flock(file, kind, wait);
    locks_free_if_unused(file->vnode);
    mutex_unlock(&filelock_mutex);
    return err;
}

void filelock_drop_file(struct file *file)
{
    struct vnode *vnode = file->vnode;

    if (!atomic_load(&vnode->locks)) /* the file's own locks would show */
        return;
    mutex_lock(&filelock_mutex);
    drop_flock(file);
    if (vnode->locks)
        drop_owner(vnode->locks, file);
    locks_free_if_unused(vnode);
    mutex_unlock(&filelock_mutex);
}
