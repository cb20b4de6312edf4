/* The operations on names: the checks that are the same for every file system, then one call of it.
   The order of the checks is Linux's, because programs can see it.

   Locks: each file system takes its own. What was checked here may have changed by then, so it
   repeats the checks on which it relies. */
#include <linux/errno.h>
#include <linux/fs.h>
#include <fs/pagecache.h>
#include <fs/vfs.h>
#include <lib/string.h>
#include "heldback.h"

/* Resolves all components but the last, for a name that is to be made. -EEXIST: the path ends in
   "/", "." or "..", which exist. */
static int lookup_new(struct vnode *start, const char *path, struct path_last *last)
{
    int err = path_lookup_parent(start, path, 0, last);

    if (err)
        return err;
    if (last->kind == PATH_NAME)
        return 0;
    vnode_put(last->dir);
    return -EEXIST;
}

/* Resolves all components but the last, for a new name of anything but a directory. A path that
   ends with a slash is an error: -EEXIST if the name exists. */
static int lookup_new_file(struct vnode *start, const char *path, struct path_last *last)
{
    struct vnode *there;
    int err = lookup_new(start, path, last);

    if (err || !last->wants_dir)
        return err;
    last->wants_dir = false;
    err = path_lookup_last(last, &there);
    if (!err) {
        vnode_put(there);
        err = -EEXIST;
    }
    vnode_put(last->dir);
    return err;
}

/* Checks whether the directory has the operation that makes a name, and may change. If not, the
   error is -EEXIST for a name that exists, or else -ENOENT, as in Linux's /proc, or -EROFS. */
static int check_op(const struct path_last *last, const void *op)
{
    bool read_only = vnode_is_read_only(last->dir);
    struct vnode *there;

    if (op && !read_only)
        return 0;
    int err = path_lookup_last(last, &there);
    if (err)
        return err == -ENOENT && read_only ? -EROFS : err;
    vnode_put(there);
    return -EEXIST;
}

int vfs_make(struct vnode *start, const char *path, uint32_t mode, uint64_t rdev)
{
    struct path_last last;
    struct vnode *child;
    int err = S_ISDIR(mode) ? lookup_new(start, path, &last) : lookup_new_file(start, path, &last);

    if (err)
        return err;
    err = check_op(&last, last.dir->ops->create);
    if (!err)
        err = last.dir->ops->create(last.dir, last.name, mode, rdev, &child);
    if (!err)
        vnode_put(child);
    vnode_put(last.dir);
    return err;
}

int vfs_symlink(const char *target, struct vnode *start, const char *path)
{
    struct path_last last;

    if (*target == '\0')
        return -ENOENT;
    int err = lookup_new_file(start, path, &last);
    if (err)
        return err;
    err = check_op(&last, last.dir->ops->symlink);
    if (!err)
        err = last.dir->ops->symlink(last.dir, last.name, target);
    vnode_put(last.dir);
    return err;
}

static int link_last(struct vnode *vnode, const struct path_last *last)
{
    struct vnode *there;
    int err = check_op(last, last->dir->ops->link);

    if (err)
        return err;
    if (vnode->fs == last->dir->fs && !vnode_is_dir(vnode))
        return last->dir->ops->link(last->dir, last->name, vnode);
    err = path_lookup_last(last, &there);
    if (!err) {
        vnode_put(there);
        return -EEXIST;
    }
    if (err != -ENOENT)
        return err;
    return vnode->fs != last->dir->fs ? -EXDEV : -EPERM;
}

int vfs_link(struct vnode *vnode, struct vnode *start, const char *path)
{
    struct path_last last;
    int err = lookup_new_file(start, path, &last);

    if (err)
        return err;
    err = link_last(vnode, &last);
    vnode_put(last.dir);
    return err;
}

static int unlink_last(const struct path_last *last)
{
    struct vnode *there;

    if (last->kind != PATH_NAME)
        return -EISDIR;
    if (vnode_is_read_only(last->dir))
        return -EROFS;
    int err = path_lookup_last(last, &there);
    if (err)
        return err;
    err = vnode_is_dir(there) ? -EISDIR : -EPERM;
    vnode_put(there);
    return last->dir->ops->unlink ? last->dir->ops->unlink(last->dir, last->name) : err;
}

int vfs_unlink(struct vnode *start, const char *path)
{
    struct path_last last;
    int err = path_lookup_parent(start, path, 0, &last);

    if (err)
        return err;
    err = unlink_last(&last);
    vnode_put(last.dir);
    return err;
}

static int rmdir_last(const struct path_last *last)
{
    switch (last->kind) {
    case PATH_ROOT:
        return -EBUSY;
    case PATH_DOT:
        return -EINVAL;
    case PATH_DOTDOT:
        return -ENOTEMPTY;
    case PATH_NAME:
    case PATH_VNODE: /* not without PATH_FOLLOW */
        break;
    }
    if (vnode_is_read_only(last->dir))
        return -EROFS;
    return last->dir->ops->rmdir ? last->dir->ops->rmdir(last->dir, last->name) : -EPERM;
}

int vfs_rmdir(struct vnode *start, const char *path)
{
    struct path_last last;
    int err = path_lookup_parent(start, path, 0, &last);

    if (err)
        return err;
    err = rmdir_last(&last);
    vnode_put(last.dir);
    return err;
}

/* Checks that the source is a directory if either path ends with a slash. */
static int check_rename_slashes(const struct path_last *from, const struct path_last *to)
{
    struct path_last plain = *from;
    struct vnode *source;

    plain.wants_dir = false;
    int err = path_lookup_last(&plain, &source);
    if (err)
        return err;
    if (!vnode_is_dir(source) && (from->wants_dir || to->wants_dir))
        err = -ENOTDIR;
    vnode_put(source);
    return err;
}

static int rename_last(const struct path_last *from, const struct path_last *to, unsigned flags)
{
    if (from->dir->fs != to->dir->fs)
        return -EXDEV;
    if (from->kind != PATH_NAME)
        return -EBUSY;
    if (to->kind != PATH_NAME)
        return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
    if (vnode_is_read_only(from->dir))
        return -EROFS;
    int err = check_rename_slashes(from, to);
    if (err)
        return err;
    if (!from->dir->ops->rename)
        return -EPERM;
    return from->dir->ops->rename(from->dir, from->name, to->dir, to->name, flags);
}

int vfs_rename(struct vnode *from_start, const char *from, struct vnode *to_start, const char *to,
               unsigned flags)
{
    struct path_last from_last, to_last;
    int err = path_lookup_parent(from_start, from, 0, &from_last);

    if (err)
        return err;
    err = path_lookup_parent(to_start, to, 0, &to_last);
    if (!err) {
        err = rename_last(&from_last, &to_last, flags);
        vnode_put(to_last.dir);
    }
    vnode_put(from_last.dir);
    return err;
}

void vnode_chmod(struct vnode *vnode, uint32_t mode)
{
    atomic_store_relaxed(&vnode->mode, (vnode->mode & S_IFMT) | (mode & ~S_IFMT));
    heldback_mode_changed(vnode);
    vnode_touch_ctime(vnode);
}

/* Returns the mode without the bits that chown(2) clears. A set-group-ID bit without group
   execution stays: it has another meaning. */
static uint32_t mode_after_chown(const struct vnode *vnode)
{
    uint32_t mode = atomic_load_relaxed(&vnode->mode);

    if (vnode_is_dir(vnode))
        return mode;
    return mode & ~(S_ISUID | (mode & S_IXGRP ? S_ISGID : 0));
}

void vnode_chown(struct vnode *vnode, uint32_t uid, uint32_t gid)
{
    if (uid != VNODE_SAME_ID)
        atomic_store_relaxed(&vnode->uid, uid);
    if (gid != VNODE_SAME_ID)
        atomic_store_relaxed(&vnode->gid, gid);
    vnode_chmod(vnode, mode_after_chown(vnode));
}

int vfs_usage(struct filesystem *fs, struct fs_usage *usage)
{
    *usage = (struct fs_usage){.block_size = PAGE_SIZE};
    if (fs->in_memory) {
        usage->free = usage->available = pagecache_room();
        usage->blocks = usage->free + pagecache_pages();
    }
    return fs->ops && !fs->in_memory ? fs->ops->usage(fs, usage) : 0;
}
