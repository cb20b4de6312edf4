/* The mounts (fs/mount.h).

   An unmount must not fail a thread that walks into the file system at the same time:

       thread 1 finds the file system unused     thread 2 crosses the mount point
       the file system is freed, and thread 2 has its root

   So thread 1 first marks the directory, under the spinlock of all places. Thread 2 looks at the
   mark under the same lock, and waits for the next change of a mount. Then the file system is gone,
   or the mark is.

   No device is read or written under mount_lock, because it may never answer. A mount that is being
   made or removed is `is_changing` instead, and one that is being synced has users. */
#include <linux/errno.h>
#include <arch/atomic.h>
#include <fs/mount.h>
#include <fs/pagecache.h>
#include <fs/path.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <sched/waitq.h>

/* The most mounts that there may be. */
#define MOUNTS_MAX 64u

struct vnode *vfs_root;

TAILQ_HEAD(mount_list, mount);
static struct mount_list mounts = TAILQ_HEAD_INITIALIZER(mounts); /* mount_lock */
static unsigned nmounts, last_id;                                 /* mount_lock */
static struct mutex mount_lock;

/* Counts what threads wait for: the end of a change, or of a use. */
static struct {
    struct spinlock lock; /* RANK_PIPE */
    uint64_t count;       /* (lock) */
    struct waitq waiters;
} mount_changes = {
    .lock = SPINLOCK(RANK_PIPE),
    .waiters = WAITQ(mount_changes.waiters),
};

static uint64_t mount_changes_now(void)
{
    spin_lock(&mount_changes.lock);
    uint64_t count = mount_changes.count;
    spin_unlock(&mount_changes.lock);
    return count;
}

static void mount_changed(void)
{
    spin_lock(&mount_changes.lock);
    mount_changes.count++;
    waitq_wake_all(&mount_changes.waiters);
    spin_unlock(&mount_changes.lock);
}

/* Sleeps until there has been a change after `seen`. -EINTR: the thread is to be killed. */
static int mount_await_change(uint64_t seen)
{
    int err = 0;

    spin_lock(&mount_changes.lock);
    while (mount_changes.count == seen && !err)
        err = waitq_sleep_holding(&mount_changes.waiters, &mount_changes.lock, UINT64_MAX);
    spin_unlock(&mount_changes.lock);
    return err;
}

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
        if (!mount->is_changing && mount->root->fs == dir->fs)
            return mount->id;
    return 0;
}

static void mount_insert(struct mount *mount)
{
    assert(mutex_is_held(&mount_lock));
    mount->id = ++last_id;
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

/* Lets mount->root cover `dir`, and takes over the references on both. */
static int mount_on(struct vnode *dir, struct mount *mount)
{
    int err = check_dir(dir);

    assert(mutex_is_held(&mount_lock));
    if (err)
        return err;
    vnode_cover(dir, mount->root);
    mount->parent_id = id_of(dir);
    return 0;
}

int mount_for_ever(struct vnode *dir, struct vnode *root)
{
    struct mount *mount = mount_alloc(root, root->fs->name, true);

    if (!mount)
        return -ENOMEM;
    mutex_lock(&mount_lock);
    int err = mount_on(dir, mount);
    if (!err)
        mount_insert(mount);
    mutex_unlock(&mount_lock);
    if (err)
        mount_free(mount);
    return err;
}

static bool is_mounted(uint64_t number)
{
    const struct mount *mount;

    TAILQ_FOREACH (mount, &mounts, link)
        if (mount->number == number)
            return true;
    return false;
}

/* Adds a mount without a root to the list, so that its device is not mounted twice. */
static int mount_begin(struct vnode *dir, struct mount *mount)
{
    mutex_lock(&mount_lock);
    int err = check_dir(dir);
    if (!err && is_mounted(mount->number))
        err = -EBUSY;
    if (!err && nmounts == MOUNTS_MAX)
        err = -ENOSPC;
    if (!err)
        mount_insert(mount);
    mutex_unlock(&mount_lock);
    return err;
}

/* Takes a mount out of the list. mount_lock is held. */
static void mount_forget(struct mount *mount)
{
    TAILQ_REMOVE(&mounts, mount, link);
    nmounts--;
    mount_free(mount);
    mount_changed();
}

/* Ends the change of a mount, which now has the root, or goes if `err` is not 0. */
static int mount_finish(struct vnode *dir, struct mount *mount, struct vnode *root, int err)
{
    mutex_lock(&mount_lock);
    if (!err) {
        mount->root = root;
        err = mount_on(dir, mount);
        if (err)
            (void)root->fs->ops->unmount(root);
    }
    if (!err) {
        vnode_get(dir);
        mount->is_changing = false;
        mount_changed();
    } else {
        mount_forget(mount);
    }
    mutex_unlock(&mount_lock);
    return err;
}

/* The device is read without mount_lock, because it may never answer. */
int mount_add(struct vnode *dir, const char *source, uint64_t number, mount_open_fn *open,
              void *device, bool read_only)
{
    struct mount *mount = mount_alloc(NULL, source, false);
    struct vnode *root = NULL;

    if (!mount)
        return -ENOMEM;
    mount->number = number;
    mount->is_changing = true;
    int err = mount_begin(dir, mount);
    if (err) {
        mount_free(mount);
        return err;
    }
    err = open(device, read_only, &root);
    return mount_finish(dir, mount, root, err);
}

static struct mount *mount_of(const struct vnode *root)
{
    struct mount *mount;

    TAILQ_FOREACH (mount, &mounts, link)
        if (mount->root == root)
            return mount;
    return NULL;
}

/* Waits until no thread syncs the mount. mount_lock is held, and released meanwhile. -EINTR. */
static int mount_await_users(const struct mount *mount)
{
    int err = 0;

    while (mount->users > 0 && !err) {
        uint64_t seen = mount_changes_now();

        mutex_unlock(&mount_lock);
        err = mount_await_change(seen);
        mutex_lock(&mount_lock);
    }
    return err;
}

/* Marks the mount with this root as changing, and finds it. Drops the reference on the root. */
static int mount_remove_begin(struct vnode *root, struct mount **result)
{
    mutex_lock(&mount_lock);
    struct mount *mount = *result = mount_of(root);
    int err = !mount ? -EINVAL : mount->is_for_ever || mount->is_changing ? -EBUSY : 0;
    vnode_put(root);
    if (!err) {
        mount->is_changing = true;
        err = mount_await_users(mount);
        mount->is_changing = !err;
    }
    mutex_unlock(&mount_lock);
    return err;
}

/* The device is written without mount_lock. */
int mount_remove(struct vnode *root)
{
    struct mount *mount;

    (void)pagecache_writeback_device(root->fs->dev); /* a file with dirty pages is in use */
    int err = mount_remove_begin(root, &mount);
    if (err)
        return err;
    struct vnode *dir = root->covers;
    vnode_set_uncovering(dir, true);
    err = root->fs->ops->unmount(root);
    bool stays = err && err != -EIO;
    mutex_lock(&mount_lock);
    if (stays) {
        vnode_set_uncovering(dir, false);
        mount->is_changing = false;
        mount_changed();
    } else {
        vnode_uncover(dir);
        mount_forget(mount);
    }
    mutex_unlock(&mount_lock);
    if (!stays)
        vnode_put(dir);
    return err;
}

void mount_each(void (*each)(const struct mount *mount, void *arg), void *arg)
{
    const struct mount *mount;

    mutex_lock(&mount_lock);
    TAILQ_FOREACH (mount, &mounts, link)
        if (!mount->is_changing)
            each(mount, arg);
    mutex_unlock(&mount_lock);
}

/* Returns the mount of a device if it can be synced, and keeps it from being removed. */
static struct mount *mount_use(uint64_t number)
{
    struct mount *mount;

    mutex_lock(&mount_lock);
    TAILQ_FOREACH (mount, &mounts, link)
        if (!mount->is_changing && mount->number == number && mount->root->fs->ops)
            break;
    if (mount)
        mount->users++;
    mutex_unlock(&mount_lock);
    return mount;
}

static void mount_end_use(struct mount *mount)
{
    mutex_lock(&mount_lock);
    mount->users--;
    mutex_unlock(&mount_lock);
    mount_changed();
}

int mount_change(struct vnode *root, bool read_only)
{
    mutex_lock(&mount_lock);
    struct mount *mount = mount_of(root);
    bool can_change = mount && root->fs->ops && root->fs->ops->remount;
    int err = !can_change ? -EINVAL : mount->is_changing ? -EBUSY : 0;
    if (!err)
        mount->users++;
    mutex_unlock(&mount_lock);
    if (err)
        return err;
    err = root->fs->ops->remount(root, read_only);
    mount_end_use(mount);
    return err;
}

/* What fails is told by fsync(2), or is written again later. The write-back takes references on
   files, so the mount is in use meanwhile, and an unmount waits. */
void mount_sync_device(uint64_t number)
{
    struct mount *mount = mount_use(number);

    (void)pagecache_writeback_device(number);
    if (!mount)
        return;
    (void)mount->root->fs->ops->sync(mount->root->fs);
    mount_end_use(mount);
}

struct vnode *mount_cross(struct vnode *dir)
{
    struct vnode *root;
    int err = 0;

    while (atomic_load(&dir->mounted) && !err) {
        uint64_t seen = mount_changes_now();

        if (!vnode_get_mounted(dir, &root)) {
            err = mount_await_change(seen); /* the file system may be about to go */
            continue;
        }
        if (!root)
            break;
        vnode_put(dir);
        dir = root;
    }
    return dir;
}
