/* Vnodes: their references, places and times, and the counts of open writers and running
   programs.

   Always true: a vnode without references has no name and is not open. Locks: place_lock guards
   parent, name, removed, and the links of mounts of all vnodes. No lock is taken under it. */
#include <linux/errno.h>
#include <linux/falloc.h>
#include <arch/clock.h>
#include <fs/pagecache.h>
#include <fs/vnode.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>

static struct spinlock place_lock = SPINLOCK(RANK_PIPE);

void vnode_init(struct vnode *vnode, struct filesystem *fs, uint32_t mode)
{
    uint64_t now = clock_realtime_ns();

    vnode->fs = fs;
    vnode->mode = mode;
    vnode->nlink = 1;
    vnode->refs = 1;
    vnode->atime_ns = vnode->mtime_ns = vnode->ctime_ns = now;
    mutex_init(&vnode->lock, RANK_VNODE);
}

void vnode_get(struct vnode *vnode)
{
    unsigned refs = atomic_add_fetch(&vnode->refs, 1);

    assert(refs > 1);
}

bool vnode_get_unless_zero(struct vnode *vnode)
{
    unsigned refs;

    do {
        refs = atomic_load(&vnode->refs);
        if (refs == 0)
            return false;
    } while (!atomic_compare_exchange(&vnode->refs, refs, refs + 1));
    return true;
}

/* Drops a reference, and frees what has none left. Removed directories, each held by the one below,
   may form a chain of any length, so this is a loop and not a recursion. */
void vnode_put(struct vnode *vnode)
{
    while (vnode) {
        unsigned refs = atomic_sub_fetch(&vnode->refs, 1);

        assert(refs != ~0u);
        if (refs > 0)
            return;
        assert(!vnode->locks);
        struct vnode *parent = vnode->parent;
        heap_free(vnode->name);
        vnode->ops->free(vnode);
        vnode = parent;
    }
}

uint64_t vnode_size(const struct vnode *vnode)
{
    return vnode->cache ? atomic_load(&vnode->cache->size) : 0;
}

int vnode_set_size(struct vnode *vnode, uint64_t size, uint64_t limit)
{
    int err = mutex_lock_killable(&vnode->lock);

    if (err)
        return err;
    err = -EFBIG;
    if (size <= limit || size <= vnode_size(vnode))
        err = vnode->ops->truncate(vnode, size);
    mutex_unlock(&vnode->lock);
    return err;
}

int vnode_allocate(struct vnode *vnode, uint64_t start, uint64_t end, unsigned mode, uint64_t limit)
{
    if (!vnode_is_file(vnode))
        return -ENODEV;
    if (!vnode->ops->allocate)
        return -EOPNOTSUPP;
    int err = mutex_lock_killable(&vnode->lock);
    if (err)
        return err;
    err = -EFBIG;
    if ((mode & FALLOC_FL_PUNCH_HOLE) || end <= max(limit, vnode_size(vnode)))
        err = vnode->ops->allocate(vnode, start, end, mode);
    mutex_unlock(&vnode->lock);
    return err;
}

/* Sets a time in a struct stat. */
#define STAT_TIME(stat, field, ns)                \
    do {                                          \
        (stat)->field = (ns) / 1000000000;        \
        (stat)->field##_nsec = (ns) % 1000000000; \
    } while (0)

void vnode_stat(struct vnode *vnode, struct stat *stat)
{
    *stat = (struct stat){
        .st_dev = vnode->fs->dev,
        .st_ino = vnode->ino,
        .st_nlink = atomic_load_relaxed(&vnode->nlink),
        .st_mode = atomic_load_relaxed(&vnode->mode),
        .st_uid = atomic_load_relaxed(&vnode->uid),
        .st_gid = atomic_load_relaxed(&vnode->gid),
        .st_rdev = vnode->rdev,
        .st_size = vnode_is_file(vnode) ? vnode_size(vnode) : 0,
        .st_blksize = PAGE_SIZE,
    };
    STAT_TIME(stat, st_atime, atomic_load_relaxed(&vnode->atime_ns));
    STAT_TIME(stat, st_mtime, atomic_load_relaxed(&vnode->mtime_ns));
    STAT_TIME(stat, st_ctime, atomic_load_relaxed(&vnode->ctime_ns));
    if (vnode->cache && vnode_is_file(vnode))
        stat->st_blocks = atomic_load_relaxed(&vnode->cache->npages) * (PAGE_SIZE / 512);
    if (vnode->ops->stat)
        vnode->ops->stat(vnode, stat);
}

void vnode_touch_ctime(struct vnode *vnode)
{
    atomic_store_relaxed(&vnode->ctime_ns, clock_realtime_ns());
}

void vnode_touch(struct vnode *vnode)
{
    vnode_touch_ctime(vnode);
    atomic_store_relaxed(&vnode->mtime_ns, atomic_load_relaxed(&vnode->ctime_ns));
}

#define DAY_NS (86400 * 1000000000ul)

/* Two threads may both find that the time is due, and set it to about the same. */
void vnode_accessed(struct vnode *vnode)
{
    const struct filesystem *fs = vnode->fs;
    unsigned rule = atomic_load_relaxed(vnode_is_dir(vnode) ? &fs->dir_atime : &fs->atime);

    if (rule == ATIME_NEVER || vnode_is_read_only(vnode))
        return;
    uint64_t now = clock_realtime_ns(), last = atomic_load_relaxed(&vnode->atime_ns);
    if (rule == ATIME_ALWAYS || last <= atomic_load_relaxed(&vnode->mtime_ns) ||
        last <= atomic_load_relaxed(&vnode->ctime_ns) || last + DAY_NS <= now)
        atomic_store_relaxed(&vnode->atime_ns, now);
}

static char *copy_name(const char *name)
{
    size_t size = strlen(name) + 1;
    char *copy = heap_alloc(size);

    if (copy)
        memcpy(copy, name, size);
    return copy;
}

int vnode_place(struct vnode *vnode, struct vnode *parent, const char *name)
{
    char *copy = copy_name(name);

    if (!copy)
        return -ENOMEM;
    if (parent)
        vnode_get(parent);

    spin_lock(&place_lock);
    struct vnode *old_parent = vnode->parent;
    char *old_name = vnode->name;
    vnode->parent = parent;
    vnode->name = copy;
    spin_unlock(&place_lock);

    heap_free(old_name);
    vnode_put(old_parent);
    return 0;
}

void vnode_set_removed(struct vnode *vnode)
{
    spin_lock(&place_lock);
    vnode->removed = true;
    spin_unlock(&place_lock);
}

/* Returns the directory that the root of a mounted file system covers, and any other vnode
   itself. */
static struct vnode *below_mounts(struct vnode *vnode)
{
    while (vnode->covers)
        vnode = vnode->covers;
    return vnode;
}

void vnode_cover(struct vnode *dir, struct vnode *root)
{
    spin_lock(&place_lock);
    assert(!dir->mounted && !root->covers);
    root->covers = dir;
    atomic_store(&dir->mounted, root);
    spin_unlock(&place_lock);
}

void vnode_uncover(struct vnode *dir)
{
    spin_lock(&place_lock);
    atomic_store(&dir->mounted, NULL);
    dir->uncovering = false;
    spin_unlock(&place_lock);
}

void vnode_set_uncovering(struct vnode *dir, bool uncovering)
{
    spin_lock(&place_lock);
    dir->uncovering = uncovering;
    spin_unlock(&place_lock);
}

bool vnode_get_mounted(struct vnode *dir, struct vnode **root)
{
    spin_lock(&place_lock);
    bool stays = !dir->uncovering;
    if (stays && (*root = dir->mounted))
        vnode_get(*root);
    spin_unlock(&place_lock);
    return stays;
}

struct vnode *vnode_parent(struct vnode *dir)
{
    spin_lock(&place_lock);
    struct vnode *place = below_mounts(dir);
    struct vnode *parent = place->parent ? place->parent : dir;
    vnode_get(parent);
    spin_unlock(&place_lock);
    return parent;
}

/* Puts `text` before `at` in a buffer that begins at `start`. Returns the start of the text, or
   NULL if there is no room; `at` may be NULL from an earlier call. */
static char *prepend(char *start, char *at, const char *text)
{
    size_t len = strlen(text);

    if (!at || (size_t)(at - start) < len)
        return NULL;
    return memcpy(at - len, text, len);
}

/* Writes the path from its end backwards. place_lock is held. */
static char *prepend_path(char *start, char *at, struct vnode *vnode)
{
    struct vnode *place = below_mounts(vnode);

    if (!place->name)
        return prepend(start, at, "/");
    if (!place->parent)
        return prepend(start, at, place->name);
    while (at && place->parent) {
        at = prepend(start, at, place->name);
        at = prepend(start, at, "/");
        place = below_mounts(place->parent);
    }
    return at;
}

int vnode_path(struct vnode *vnode, char *buf, size_t size)
{
    if (size == 0)
        return -ENAMETOOLONG;
    char *end = buf + size - 1;
    *end = '\0';

    spin_lock(&place_lock);
    char *at = prepend_path(buf, prepend(buf, end, vnode->removed ? " (deleted)" : ""), vnode);
    spin_unlock(&place_lock);

    if (!at)
        return -ENAMETOOLONG;
    memmove(buf, at, end - at + 1);
    return end - at;
}

int vnode_name(struct vnode *vnode, char *buf, size_t size)
{
    spin_lock(&place_lock);
    bool has_name = vnode->name;
    if (has_name)
        strlcpy(buf, vnode->name, size);
    spin_unlock(&place_lock);
    return has_name ? 0 : -ENOENT;
}

int vnode_getcwd(struct vnode *dir, char *buf, size_t size)
{
    spin_lock(&place_lock);
    bool removed = dir->removed;
    spin_unlock(&place_lock);

    if (removed)
        return -ENOENT;
    int len = vnode_path(dir, buf, size);
    return len == -ENAMETOOLONG ? -ERANGE : len;
}

/* Moves `writers` by `by`, +1 or -1, away from 0. Returns false if its sign is the other one. */
static bool count_use(int *writers, int by)
{
    int now;

    do {
        now = atomic_load(writers);
        if (now * by < 0)
            return false;
    } while (!atomic_compare_exchange(writers, now, now + by));
    return true;
}

int vnode_allow_write(struct vnode *vnode)
{
    return count_use(&vnode->writers, 1) ? 0 : -ETXTBSY;
}

int vnode_begin_write(struct vnode *vnode)
{
    int err = vnode_allow_write(vnode);

    if (!err && vnode_is_read_only(vnode)) {
        vnode_end_write(vnode);
        err = -EROFS;
    }
    return err;
}

void vnode_end_write(struct vnode *vnode)
{
    int writers = atomic_sub_fetch(&vnode->writers, 1);

    assert(writers >= 0);
}

int vnode_exe_begin(struct vnode *vnode)
{
    if (!count_use(&vnode->writers, -1))
        return -ETXTBSY;
    vnode_get(vnode);
    return 0;
}

void vnode_exe_get(struct vnode *exe)
{
    int writers = atomic_sub_fetch(&exe->writers, 1);

    assert(writers < -1);
    vnode_get(exe);
}

void vnode_exe_put(struct vnode *exe)
{
    if (!exe)
        return;
    int writers = atomic_add_fetch(&exe->writers, 1);
    assert(writers <= 0);
    vnode_put(exe);
}
