/* The size and use of a file system: statfs, fstatfs. */

#include <asm/statfs.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <fs/vfs.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

/* The bits of f_flags that a header of Linux for programs lacks. */
enum {
    ST_RDONLY = 1,
    ST_VALID = 0x20,
    ST_NOATIME = 0x400,
    ST_NODIRATIME = 0x800,
    ST_RELATIME = 0x1000
};

static long flags_of(const struct filesystem *fs)
{
    unsigned rule = atomic_load_relaxed(&fs->atime);
    bool dirs = atomic_load_relaxed(&fs->dir_atime) != ATIME_NEVER;

    return ST_VALID | (atomic_load_relaxed(&fs->read_only) ? ST_RDONLY : 0) |
           (rule == ATIME_NEVER ? ST_NOATIME
            : dirs              ? 0
                                : ST_NODIRATIME) |
           (rule == ATIME_RELATIVE ? ST_RELATIME : 0);
}

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
        .f_flags = flags_of(fs),
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
