/* Seals (fs/seals.h). */
#include <linux/errno.h>
#include <fs/pagecache.h>
#include <fs/seals.h>
#include <lib/panic.h>
#include <vm/vregion.h>

#define SEALS_WRITE (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)
#define SEALS_ALL   (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | SEALS_WRITE)

/* Files on a disk have no seals, as on Linux. */
static bool has_seals(const struct vnode *vnode)
{
    return vnode->cache && !vnode->cache->store;
}

int seals_of(struct file *file)
{
    struct vnode *vnode = file->vnode;

    if (!has_seals(vnode))
        return -EINVAL;
    mutex_lock(&vnode->lock);
    int seals = vnode->cache->seals;
    mutex_unlock(&vnode->lock);
    return seals;
}

static int seals_add_locked(struct pagecache *cache, unsigned seals)
{
    assert(mutex_is_held(&cache->vnode->lock));
    if (cache->seals & F_SEAL_SEAL)
        return -EPERM;
    if ((seals & ~cache->seals & F_SEAL_WRITE) && pager_has_writers(&cache->pager))
        return -EBUSY;
    cache->seals |= seals;
    return 0;
}

int seals_add(struct file *file, unsigned seals)
{
    struct vnode *vnode = file->vnode;

    if (!file_may_write(file))
        return -EPERM;
    if (!has_seals(vnode) || (seals & ~SEALS_ALL))
        return -EINVAL;
    mutex_lock(&vnode->lock);
    int err = seals_add_locked(vnode->cache, seals);
    mutex_unlock(&vnode->lock);
    return err;
}

int seals_allow_write(const struct vnode *vnode, uint64_t offset, size_t *len)
{
    const struct pagecache *cache = vnode->cache;
    uint64_t size = atomic_load(&cache->size);

    assert(mutex_is_held(&vnode->lock));
    if (cache->seals & SEALS_WRITE)
        return -EPERM;
    if (!(cache->seals & F_SEAL_GROW) || *len == 0 || (offset <= size && *len <= size - offset))
        return 0;
    /* Linux writes page by page, and stops before the page that would lengthen the file. */
    if (offset >= (size & ~(PAGE_SIZE - 1)))
        return -EPERM;
    *len = (size & ~(PAGE_SIZE - 1)) - offset;
    return 0;
}

int seals_allow_size(const struct vnode *vnode, uint64_t size)
{
    const struct pagecache *cache = vnode->cache;
    uint64_t now = atomic_load(&cache->size);

    assert(mutex_is_held(&vnode->lock));
    if (size < now && (cache->seals & F_SEAL_SHRINK))
        return -EPERM;
    return size > now && (cache->seals & F_SEAL_GROW) ? -EPERM : 0;
}

int seals_allow_hole(const struct vnode *vnode)
{
    assert(mutex_is_held(&vnode->lock));
    return vnode->cache->seals & SEALS_WRITE ? -EPERM : 0;
}

bool seals_allow_shared_writes(const struct vnode *vnode)
{
    assert(mutex_is_held(&vnode->lock));
    return !vnode->cache || !(vnode->cache->seals & SEALS_WRITE);
}
