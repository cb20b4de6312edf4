/* The size and use of a file system: statfs, fstatfs. */

#include <asm/statfs.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <fs/vfs.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

static long copy_statfs(struct filesystem *fs, struct statfs __user *to)
{
    struct fs_usage usage;
    int err = vfs_usage(fs, &usage);

    if (err)
        return err;
    const struct statfs statfs = {
        .f_type = fs->magic,
        .f_bsize = usage.block_size,
        .f_frsize = usage.block_size,
        .f_blocks = usage.blocks,
        .f_bfree = usage.free,
        .f_bavail = usage.available,
        .f_files = usage.files,
        .f_ffree = usage.free_files,
        .f_fsid.val[0] = fs->dev,
        .f_namelen = NAME_MAX,
    };

    return put_user(to, &statfs);
}

SYSCALL2(sys_statfs, const char __user *, path, struct statfs __user *, to)
{
    struct vnode *vnode;
    int err = vnode_from_path(AT_FDCWD, path, 0, &vnode);

    if (err)
        return err;
    long result = copy_statfs(vnode->fs, to);
    vnode_put(vnode);
    return result;
}

SYSCALL2(sys_fstatfs, int, fd, struct statfs __user *, to)
{
    struct file *file = file_from_fd(fd);

    if (!file)
        return -EBADF;
    long result = copy_statfs(file->vnode->fs, to);
    file_put(file);
    return result;
}
