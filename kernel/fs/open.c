/* open(2), truncate(2), and the open of a program's file for exec. */
#include <linux/errno.h>
#include <fs/vfs.h>

int vnode_truncate(struct vnode *vnode, uint64_t size, uint64_t limit)
{
    if (vnode_is_dir(vnode))
        return -EISDIR;
    if (!vnode_is_file(vnode) || !vnode->ops->truncate)
        return -EINVAL;
    int err = vnode_begin_write(vnode);
    if (err)
        return err;
    err = vnode_set_size(vnode, size, limit);
    vnode_end_write(vnode);
    return err;
}

int vfs_truncate(struct vnode *start, const char *path, uint64_t size, uint64_t limit)
{
    struct vnode *vnode;
    int err = path_lookup(start, path, PATH_FOLLOW, &vnode);

    if (err)
        return err;
    err = vnode_truncate(vnode, size, limit);
    vnode_put(vnode);
    return err;
}

/* Checks that this kind of file may be opened with these flags. */
static int check_open(const struct vnode *vnode, unsigned flags)
{
    bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_TRUNC | O_CREAT));

    if ((flags & O_DIRECTORY) && !vnode_is_dir(vnode))
        return -ENOTDIR;
    if (flags & O_PATH)
        return 0;
    if (vnode_is_link(vnode))
        return -ELOOP;
    if (vnode_is_dir(vnode) && writes)
        return -EISDIR;
    writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
    return writes && vnode_is_file(vnode) && vnode_is_read_only(vnode) ? -EROFS : 0;
}

/* Opens an existing file, and takes over the reference on it. If truncation fails, `file` stays
   open until it is put. */
static int open_vnode(struct vnode *vnode, unsigned flags, struct file *file)
{
    bool truncates =
        (flags & O_TRUNC) && !(flags & O_PATH) && vnode_is_file(vnode) && vnode->ops->truncate;
    int err = check_open(vnode, flags);

    if (err) {
        vnode_put(vnode);
        return err;
    }
    err = file_open(file, vnode);
    return err || !truncates ? err : vnode_truncate(vnode, 0, UINT64_MAX);
}

static unsigned follow_flags(unsigned flags)
{
    bool no_follow = (flags & O_NOFOLLOW) || (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);

    return no_follow ? 0 : PATH_FOLLOW;
}

static int create_last(const struct path_last *last, uint32_t mode, struct vnode **vnode)
{
    if (!last->dir->ops->create)
        return -ENOENT;
    if (vnode_is_read_only(last->dir))
        return -EROFS;
    return last->dir->ops->create(last->dir, last->name, S_IFREG | mode, 0, vnode);
}

/* Opens the last component, or creates it. Another thread may create the file between our lookup
   and our create, and may remove it again after that; then we start over. */
static int open_last(const struct path_last *last, unsigned flags, uint32_t mode, struct file *file)
{
    struct vnode *vnode;
    int err;

    if (last->wants_dir)
        return -EISDIR;
    if (last->kind != PATH_NAME && last->kind != PATH_VNODE)
        return flags & O_EXCL ? -EEXIST : -EISDIR;
    do {
        err = path_lookup_last(last, &vnode);
        if (!err && (flags & O_EXCL)) {
            vnode_put(vnode);
            return -EEXIST;
        }
        if (!err)
            return open_vnode(vnode, flags, file);
        if (err == -ENOENT)
            err = create_last(last, mode, &vnode);
    } while (err == -EEXIST && !(flags & O_EXCL));
    return err ? err : file_open(file, vnode);
}

static int open_or_create(struct vnode *start, const char *path, unsigned flags, uint32_t mode,
                          struct file *file)
{
    struct path_last last;
    int err = path_lookup_parent(start, path, follow_flags(flags), &last);

    if (err)
        return err;
    err = open_last(&last, flags, mode, file);
    vnode_put(last.dir);
    return err;
}

/* Rejects combinations of flags that mean nothing, and O_TMPFILE, which is not supported. */
static int check_flags(unsigned flags)
{
    bool no_name = flags & __O_TMPFILE, reads = (flags & O_ACCMODE) == O_RDONLY;

    if (no_name)
        return reads || !(flags & O_DIRECTORY) ? -EINVAL : -EOPNOTSUPP;
    return (flags & O_CREAT) && (flags & O_DIRECTORY) ? -EINVAL : 0;
}

static int open_by_path(struct vnode *start, const char *path, unsigned flags, uint32_t mode,
                        struct file *file)
{
    struct vnode *vnode;

    if (flags & O_CREAT)
        return open_or_create(start, path, flags, mode, file);
    int err = path_lookup(start, path, follow_flags(flags), &vnode);
    return err ? err : open_vnode(vnode, flags, file);
}

int vfs_open(struct vnode *start, const char *path, unsigned flags, uint32_t mode,
             struct file **result)
{
    if (flags & O_PATH)
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW;
    int err = check_flags(flags);
    if (err)
        return err;
    struct file *file = file_alloc(flags);
    if (!file)
        return -ENOMEM;
    err = open_by_path(start, path, flags, mode, file);
    if (err)
        file_put(file);
    else
        *result = file;
    return err;
}

int vnode_open_exe(struct vnode *vnode)
{
    if (vnode_is_link(vnode))
        return -ELOOP;
    if (!vnode_is_file(vnode) || !vnode->cache || !vnode_may_exec(vnode))
        return -EACCES;
    return vnode_exe_begin(vnode);
}

int vfs_open_exe(struct vnode *start, const char *path, struct vnode **exe)
{
    struct vnode *vnode;
    int err = path_lookup(start, path, PATH_FOLLOW, &vnode);

    if (err)
        return err;
    err = vnode_open_exe(vnode);
    if (!err)
        *exe = vnode;
    vnode_put(vnode);
    return err;
}
