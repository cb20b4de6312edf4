/* Working directories (fs/workdir.h).

   One thread may look a path up while another changes the directory. So the look-up takes a
   reference of its own, under the lock, and the change drops the old one behind it.

   Lock: workdir.lock (RANK_PIPE), for the directory; the umask and the users are atomic. */

#include <arch/atomic.h>
#include <arch/spinlock.h>
#include <fs/workdir.h>
#include <mm/heap.h>

struct workdir {
    struct spinlock lock; /* RANK_PIPE */
    struct vnode *dir;    /* (lock) one reference */
    unsigned umask;       /* atomic */
    unsigned users;       /* atomic */
};

struct workdir *workdir_create(struct vnode *dir, unsigned umask)
{
    struct workdir *workdir = heap_alloc_zeroed(sizeof(*workdir));

    if (!workdir)
        return NULL;
    spin_init(&workdir->lock, RANK_PIPE);
    vnode_get(dir);
    workdir->dir = dir;
    workdir->umask = umask;
    workdir->users = 1;
    return workdir;
}

struct workdir *workdir_fork(struct workdir *workdir)
{
    struct vnode *dir = workdir_get(workdir);
    struct workdir *copy = workdir_create(dir, workdir_umask(workdir));

    vnode_put(dir);
    return copy;
}

void workdir_share(struct workdir *workdir)
{
    atomic_add_fetch(&workdir->users, 1u);
}

bool workdir_is_shared(const struct workdir *workdir)
{
    return atomic_load(&workdir->users) > 1;
}

void workdir_put(struct workdir *workdir)
{
    if (atomic_sub_fetch(&workdir->users, 1u) > 0)
        return;
    vnode_put(workdir->dir);
    heap_free(workdir);
}

struct vnode *workdir_get(struct workdir *workdir)
{
    spin_lock(&workdir->lock);
    struct vnode *dir = workdir->dir;
    vnode_get(dir);
    spin_unlock(&workdir->lock);
    return dir;
}

void workdir_set(struct workdir *workdir, struct vnode *dir)
{
    spin_lock(&workdir->lock);
    struct vnode *old = workdir->dir;
    workdir->dir = dir;
    spin_unlock(&workdir->lock);
    vnode_put(old);
}

unsigned workdir_umask(const struct workdir *workdir)
{
    return atomic_load_relaxed(&workdir->umask);
}

unsigned workdir_set_umask(struct workdir *workdir, unsigned umask)
{
    return atomic_exchange(&workdir->umask, umask);
}
