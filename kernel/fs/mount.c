/* The mounts (fs/mount.h).

   An unmount must not fail a thread that walks into the file system at the same time:

       thread 1 finds the file system unused     thread 2 crosses the mount point
       the file system is freed, and thread 2 has its root

   So thread 1 first marks the directory, under the spinlock of all places. Thread 2 looks at the
   mark under the same lock, and waits for mount_lock. Afterwards the file system is gone, or the
   mark is. */
#include <linux/errno.h>
#include <arch/atomic.h>
#include <fs/mount.h>
#include <fs/pagecache.h>
#include <fs/path.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>

/* The most mounts that there may be. */
#define MOUNTS_MAX 64u

struct vnode *vfs_root;

TAILQ_HEAD(mount_list, mount);
static struct mount_list mounts = TAILQ_HEAD_INITIALIZER(mounts); /* mount_lock */
static unsigned nmounts, last_id;                                 /* mount_lock */
static struct mutex mount_lock;

/* Makes a mount that is in no list yet. NULL: no memory. */
static struct mount *mount_alloc(struct vnode *root, const char *source, bool is_for_ever)
{
    size_t size = strlen(source) + 1;
    struct mount *mount = heap_alloc(sizeof(*mount));
    char *copy = heap_alloc(size);

    if (!mount || !copy) {
        heap_free(mount);
        heap_free(copy);
        return NULL;
    }
    memcpy(copy, source, size);
    *mount = (struct mount){.root = root, .source = copy, .is_for_ever = is_for_ever};
    return mount;
}

static void mount_free(struct mount *mount)
{
    heap_free((char *)mount->source);
    heap_free(mount);
}

/* Returns the number of the mount that a directory is in. */
static unsigned id_of(const struct vnode *dir)
{
    const struct mount *mount;

    TAILQ_FOREACH (mount, &mounts, link)
        if (mount->root->fs == dir->fs)
            return mount->id;
    return 0;
}

static void mount_insert(struct mount *mount)
{
    assert(mutex_is_held(&mount_lock));
    mount->id = ++last_id;
    mount->parent_id = mount->root->covers ? id_of(mount->root->covers) : 0;
    TAILQ_INSERT_TAIL(&mounts, mount, link);
    nmounts++;
}

void mount_root(struct vnode *root)
{
    mutex_init(&mount_lock, RANK_MOUNT);
    struct mount *mount = mount_alloc(root, root->fs->name, true);
    if (!mount)
        panic("no memory for the mount of the root");
    vfs_root = root;
    mutex_lock(&mount_lock);
    mount_insert(mount);
    mutex_unlock(&mount_lock);
}

/* Checks whether a file system can be mounted on `dir`. */
static int check_dir(struct vnode *dir)
{
    if (!vnode_is_dir(dir))
        return -ENOTDIR;
    if (atomic_load_relaxed(&dir->nlink) == 0)
        return -ENOENT;
    return dir->covers || dir->mounted || dir == vfs_root ? -EBUSY : 0;
}

/* Mounts, and takes over the references on mount->root and `dir`. */
static int mount_on(struct vnode *dir, struct mount *mount)
{
    int err = check_dir(dir);

    assert(mutex_is_held(&mount_lock));
    if (!err && nmounts == MOUNTS_MAX)
        err = -ENOSPC;
    if (err)
        return err;
    vnode_cover(dir, mount->root);
    mount_insert(mount);
    return 0;
}

int mount_for_ever(struct vnode *dir, struct vnode *root)
{
    struct mount *mount = mount_alloc(root, root->fs->name, true);

    if (!mount)
        return -ENOMEM;
    mutex_lock(&mount_lock);
    int err = mount_on(dir, mount);
    mutex_unlock(&mount_lock);
    if (err)
        mount_free(mount);
    return err;
}

static bool is_mounted(uint64_t number)
{
    const struct mount *mount;

    TAILQ_FOREACH (mount, &mounts, link)
        if (mount->root->fs->dev == number)
            return true;
    return false;
}

static int mount_open_locked(struct vnode *dir, struct mount *mount, uint64_t number,
                             mount_open_fn *open, void *device, bool read_only)
{
    int err = check_dir(dir);

    if (!err && is_mounted(number))
        err = -EBUSY;
    if (!err)
        err = open(device, read_only, &mount->root);
    if (err)
        return err;
    err = mount_on(dir, mount);
    if (err)
        (void)mount->root->fs->ops->unmount(mount->root);
    return err;
}

int mount_add(struct vnode *dir, const char *source, uint64_t number, mount_open_fn *open,
              void *device, bool read_only)
{
    struct mount *mount = mount_alloc(NULL, source, false);

    if (!mount)
        return -ENOMEM;
    mutex_lock(&mount_lock);
    int err = mount_open_locked(dir, mount, number, open, device, read_only);
    mutex_unlock(&mount_lock);
    if (err)
        mount_free(mount);
    else
        vnode_get(dir);
    return err;
}

static struct mount *mount_of(const struct vnode *root)
{
    struct mount *mount;

    TAILQ_FOREACH (mount, &mounts, link)
        if (mount->root == root)
            return mount;
    return NULL;
}

/* Unmounts, after the caller's reference was dropped. */
static int mount_remove_locked(struct mount *mount)
{
    struct vnode *root = mount->root, *dir = root->covers;

    vnode_set_uncovering(dir, true);
    int err = root->fs->ops->unmount(root);
    if (err == -EBUSY) {
        vnode_set_uncovering(dir, false);
        return err;
    }
    vnode_uncover(dir);
    TAILQ_REMOVE(&mounts, mount, link);
    nmounts--;
    mount_free(mount);
    vnode_put(dir);
    return err;
}

int mount_remove(struct vnode *root)
{
    pagecache_writeback_all(); /* a file with dirty pages is in use */
    mutex_lock(&mount_lock);
    struct mount *mount = mount_of(root);
    int err = !mount ? -EINVAL : mount->is_for_ever ? -EBUSY : 0;
    vnode_put(root);
    if (!err)
        err = mount_remove_locked(mount);
    mutex_unlock(&mount_lock);
    return err;
}

void mount_each(void (*each)(const struct mount *mount, void *arg), void *arg)
{
    const struct mount *mount;

    mutex_lock(&mount_lock);
    TAILQ_FOREACH (mount, &mounts, link)
        each(mount, arg);
    mutex_unlock(&mount_lock);
}

static void sync_mount(const struct mount *mount, void *arg __unused)
{
    struct filesystem *fs = mount->root->fs;

    if (fs->ops && fs->ops->sync)
        (void)fs->ops->sync(fs); /* what fails is written again later */
}

void mount_sync_all(void)
{
    pagecache_writeback_all();
    mount_each(sync_mount, NULL);
}

struct vnode *mount_cross(struct vnode *dir)
{
    struct vnode *root;

    while (atomic_load(&dir->mounted)) {
        if (vnode_get_mounted(dir, &root)) {
            if (!root)
                break;
            vnode_put(dir);
            dir = root;
        } else { /* the file system is leaving */
            mutex_lock(&mount_lock);
            mutex_unlock(&mount_lock);
        }
    }
    return dir;
}
