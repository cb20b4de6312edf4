/* tmpfs: a file system in memory.

   A file is its page cache, a directory a tree of entries (tmpfs_dir.c). A device's node leads to
   the device, and a FIFO is a pipe while it is open. Locks: tmpfs.tree for all names
   (tmpfs_dir.c); for contents the vnode's lock and the page cache's. */
#include <linux/errno.h>
#include <linux/falloc.h>
#include <linux/magic.h>
#include <fs/devices.h>
#include <fs/pagecache.h>
#include <fs/pipe.h>
#include <fs/seals.h>
#include <fs/tmpfs.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>
#include "tmpfs_node.h"

static struct filesystem tmpfs = {
    .name = "tmpfs",
    .dev = 1,
    .magic = TMPFS_MAGIC,
    .in_memory = true,
    .atime = ATIME_RELATIVE,
    .dir_atime = ATIME_RELATIVE,
    .next_ino = 1,
};

static ssize_t tmpfs_read(struct file *file, struct uio *uio, uint64_t offset)
{
    return pagecache_read(file->vnode->cache, uio, offset);
}

static ssize_t tmpfs_write(struct file *file, struct uio *uio, uint64_t offset)
{
    int err = seals_allow_write(file->vnode, offset, &uio->left);

    if (err)
        return err;
    ssize_t done = pagecache_write(file->vnode->cache, uio, offset);
    if (done > 0)
        vnode_touch(file->vnode);
    return done;
}

static const struct file_ops tmpfs_file_ops = {
    .read = tmpfs_read,
    .write = tmpfs_write,
    .locked = true,
    .seekable = true,
};

static const struct file_ops tmpfs_dir_file_ops = {.locked = true, .seekable = true};

static int tmpfs_create_op(struct vnode *dir, const char *name, uint32_t mode, uint64_t rdev,
                           struct vnode **child)
{
    struct vnode *vnode = tmpfs_node_create(dir->fs, mode, rdev);

    if (!vnode)
        return -ENOMEM;
    int err = tmpfs_link(dir, name, vnode);
    if (err) {
        vnode_put(vnode);
        return err;
    }
    *child = vnode;
    return 0;
}

static int tmpfs_symlink(struct vnode *dir, const char *name, const char *target)
{
    size_t size = strlen(target) + 1;
    struct vnode *vnode = tmpfs_node_create(dir->fs, S_IFLNK | 0777, 0);
    int err = -ENOMEM;

    if (!vnode)
        return err;
    char *copy = tmpfs_node(vnode)->target = heap_alloc(size);
    if (copy) {
        memcpy(copy, target, size);
        err = tmpfs_link(dir, name, vnode);
    }
    vnode_put(vnode);
    return err;
}

static int tmpfs_readlink(struct vnode *link, char *buf, size_t size)
{
    return strlcpy(buf, tmpfs_node(link)->target, size);
}

static int tmpfs_truncate(struct vnode *vnode, uint64_t size)
{
    int err = seals_allow_size(vnode, size);

    if (!err)
        err = pagecache_truncate(vnode->cache, size);
    if (!err)
        vnode_touch(vnode);
    return err;
}

static int tmpfs_sync(struct vnode *vnode, enum vnode_sync how __unused)
{
    return device_sync(vnode);
}

static int tmpfs_allocate(struct vnode *vnode, uint64_t start, uint64_t end, unsigned mode)
{
    struct pagecache *cache = vnode->cache;
    int err;

    if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)) {
        err = seals_allow_hole(vnode);
        if (!err)
            err = pagecache_punch(cache, start, end);
    } else if (mode == 0 || mode == FALLOC_FL_KEEP_SIZE) {
        err = seals_allow_size(vnode, max(end, vnode_size(vnode)));
        if (!err)
            err = pagecache_allocate(cache, start, end,
                                     mode ? ALLOCATE_KEEPS_SIZE : ALLOCATE_EXTENDS);
    } else {
        err = -EOPNOTSUPP;
    }
    if (!err)
        vnode_touch(vnode);
    return err;
}

static void tmpfs_stat(struct vnode *vnode, struct stat *stat)
{
    if (vnode_is_link(vnode))
        stat->st_size = strlen(tmpfs_node(vnode)->target);
}

static void tmpfs_free(struct vnode *vnode)
{
    struct tmpfs_node *node = tmpfs_node(vnode);

    assert(RB_EMPTY(&node->names) && RB_EMPTY(&node->cookies));
    if (vnode->cache)
        pagecache_destroy(vnode->cache);
    heap_free(node->target);
    heap_free(node);
}

static const struct vnode_ops tmpfs_ops = {
    .lookup = tmpfs_lookup,
    .create = tmpfs_create_op,
    .symlink = tmpfs_symlink,
    .readlink = tmpfs_readlink,
    .link = tmpfs_link,
    .unlink = tmpfs_unlink,
    .rmdir = tmpfs_rmdir,
    .rename = tmpfs_rename,
    .readdir = tmpfs_readdir,
    .truncate = tmpfs_truncate,
    .allocate = tmpfs_allocate,
    .sync = tmpfs_sync,
    .stat = tmpfs_stat,
    .free = tmpfs_free,
};

static const struct file_ops *file_ops_of(uint32_t mode, uint64_t rdev)
{
    if (S_ISREG(mode))
        return &tmpfs_file_ops;
    if (S_ISDIR(mode))
        return &tmpfs_dir_file_ops;
    if (S_ISFIFO(mode))
        return &pipe_file_ops;
    return device_file_ops(mode, rdev);
}

/* A directory starts with one link, its "."; other nodes with none. */
struct vnode *tmpfs_node_create(struct filesystem *fs, uint32_t mode, uint64_t rdev)
{
    struct tmpfs_node *node = heap_alloc_zeroed(sizeof(*node));

    if (!node)
        return NULL;
    struct vnode *vnode = &node->vnode;
    vnode_init(vnode, fs, mode);
    vnode->ops = &tmpfs_ops;
    vnode->file_ops = file_ops_of(mode, rdev);
    vnode->ino = atomic_add_fetch(&fs->next_ino, 1);
    vnode->rdev = rdev;
    vnode->nlink = S_ISDIR(mode) ? 1 : 0;
    node->next_cookie = DIR_COOKIE_FIRST;
    if (S_ISREG(mode) && !(vnode->cache = pagecache_create(vnode, NULL))) {
        heap_free(node);
        return NULL;
    }
    return vnode;
}

/* The root is its own parent. */
struct vnode *tmpfs_create(void)
{
    rwlock_init(&tmpfs.tree, RANK_VNODE);
    struct vnode *root = tmpfs_node_create(&tmpfs, S_IFDIR | 0755, 0);
    if (!root)
        panic("tmpfs: no memory for the root");
    root->nlink = 2;
    return root;
}

struct vnode *tmpfs_create_unnamed(uint32_t mode)
{
    return tmpfs_node_create(&tmpfs, S_IFREG | mode, 0);
}
