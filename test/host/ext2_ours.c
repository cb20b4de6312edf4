/* Operations on the mounted image (ext2_ours.h). */
#include <linux/errno.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <ext2/ext2.h>
#include <fs/file.h>
#include <fs/pagecache.h>
#include <fs/vfs.h>
#include <vm/vspace.h>
#include "ext2_disk.h"
#include "ext2_ours.h"
#include "platform.h"

struct random random_state;

int our_lookup(const char *path, bool follow, struct vnode **vnode)
{
    return path_lookup(vfs_root, path, follow ? PATH_FOLLOW : 0, vnode);
}

ssize_t our_transfer(const char *path, char *buf, size_t len, uint64_t offset, bool is_write)
{
    struct vnode *vnode;
    struct uio uio;
    int err = our_lookup(path, false, &vnode);

    if (err)
        return err;
    struct file file = {.vnode = vnode, .ops = vnode->file_ops, .refs = 1};
    if (buf)
        uio_init_kernel(&uio, buf, len);
    else
        uio_init_user(&uio, (const void __user *)USER_END, len);
    ssize_t done = -EINVAL;
    if (vnode_is_file(vnode)) {
        mutex_lock(&vnode->lock);
        done =
            is_write ? file.ops->write(&file, &uio, offset) : file.ops->read(&file, &uio, offset);
        mutex_unlock(&vnode->lock);
    }
    vnode_put(vnode);
    return done;
}

int our_truncate(const char *path, uint64_t size)
{
    struct vnode *vnode;
    int err = our_lookup(path, false, &vnode);

    if (err)
        return err;
    err = vnode_is_file(vnode) ? vnode_set_size(vnode, size, UINT64_MAX) : -EINVAL;
    vnode_put(vnode);
    return err;
}

int our_punch(const char *path, uint64_t start, uint64_t end)
{
    struct vnode *vnode;
    int err = our_lookup(path, false, &vnode);

    if (err)
        return err;
    err = vnode_allocate(vnode, start, end, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, UINT64_MAX);
    vnode_put(vnode);
    return err;
}

int64_t our_seek(struct vnode *vnode, uint64_t offset, unsigned whence)
{
    mutex_lock(&vnode->lock);
    int64_t found = whence == SEEK_DATA ? pagecache_next_data(vnode->cache, offset)
                                        : pagecache_next_hole(vnode->cache, offset);
    mutex_unlock(&vnode->lock);
    return found;
}

int our_drop(const char *path)
{
    struct vnode *vnode;
    int err = our_lookup(path, false, &vnode);

    if (err)
        return err;
    if (vnode->cache)
        (void)pagecache_drop_clean(vnode->cache, 0, UINT64_MAX);
    vnode_put(vnode);
    return 0;
}

int our_link(const char *from, const char *to)
{
    struct vnode *vnode;
    int err = our_lookup(from, false, &vnode);

    if (err)
        return err;
    err = vfs_link(vnode, vfs_root, to);
    vnode_put(vnode);
    return err;
}

int our_sync(const char *path)
{
    struct vnode *vnode;
    int err = our_lookup(path, false, &vnode);

    if (err)
        return err;
    err = vnode_sync(vnode, 0, UINT64_MAX, SYNC_ALL);
    vnode_put(vnode);
    return err;
}

void our_unmount(void)
{
    int err = -EIO;

    disk_fail_at(0);
    for (int tries = 0; tries < 3 && err; tries++) {
        (void)pagecache_writeback_device(vfs_root->fs->dev);
        err = ext2_unmount(vfs_root);
        check(err != -EBUSY, "the file system stays in use");
        if (err) /* it is gone, and some of it was not written */
            break;
    }
}
