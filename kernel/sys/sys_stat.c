/* The attributes of a file: stat, statx, access. */
#include <linux/errno.h>
#include <linux/kdev_t.h>
#include <fs/stat.h>
#include <fs/vfs.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

/* Copies what stat(2) returns to the user, and drops the reference on `vnode`. */
static long copy_stat(struct vnode *vnode, struct stat __user *to)
{
    struct stat stat;

    vnode_stat(vnode, &stat);
    vnode_put(vnode);
    return put_user(to, &stat);
}

static long stat_path(int dirfd, const char __user *path, struct stat __user *to, unsigned flags)
{
    struct vnode *vnode;
    int err = vnode_from_path(dirfd, path, flags, &vnode);

    return err ? err : copy_stat(vnode, to);
}

SYSCALL2(sys_stat, const char __user *, path, struct stat __user *, to)
{
    return stat_path(AT_FDCWD, path, to, 0);
}

SYSCALL2(sys_lstat, const char __user *, path, struct stat __user *, to)
{
    return stat_path(AT_FDCWD, path, to, AT_SYMLINK_NOFOLLOW);
}

SYSCALL4(sys_newfstatat, int, dirfd, const char __user *, path, struct stat __user *, to, unsigned,
         flags)
{
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
        return -EINVAL;
    return stat_path(dirfd, path, to, flags);
}

SYSCALL2(sys_fstat, int, fd, struct stat __user *, to)
{
    struct file *file = file_from_fd(fd);

    if (!file)
        return -EBADF;
    vnode_get(file->vnode);
    long err = copy_stat(file->vnode, to);
    file_put(file);
    return err;
}

#define MAY_EXEC 1 /* X_OK */

/* Checks access for root, who may read and write every file, and execute a file with an execute
   bit. */
static long check_access(int dirfd, const char __user *path, unsigned access, unsigned flags)
{
    struct vnode *vnode;

    if ((access & ~7u) || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
        return -EINVAL;
    int err = vnode_from_path(dirfd, path, flags, &vnode);
    if (err)
        return err;
    bool may_exec = vnode_is_dir(vnode) || vnode_may_exec(vnode);
    err = (access & MAY_EXEC) && !may_exec ? -EACCES : 0;
    vnode_put(vnode);
    return err;
}

SYSCALL2(sys_access, const char __user *, path, unsigned, access)
{
    return check_access(AT_FDCWD, path, access, 0);
}

SYSCALL3(sys_faccessat, int, dirfd, const char __user *, path, unsigned, access)
{
    return check_access(dirfd, path, access, 0);
}

SYSCALL4(sys_faccessat2, int, dirfd, const char __user *, path, unsigned, access, unsigned, flags)
{
    return check_access(dirfd, path, access, flags);
}

/* ---- statx ---- */

static struct statx_timestamp statx_time(uint64_t sec, uint64_t nsec)
{
    return (struct statx_timestamp){.tv_sec = sec, .tv_nsec = nsec};
}

/* Fills in all fields, whatever the caller's mask asks for, because all are cheap. */
static void statx_from(const struct stat *stat, struct statx *statx)
{
    *statx = (struct statx){
        .stx_mask = STATX_BASIC_STATS,
        .stx_blksize = stat->st_blksize,
        .stx_nlink = stat->st_nlink,
        .stx_uid = stat->st_uid,
        .stx_gid = stat->st_gid,
        .stx_mode = stat->st_mode,
        .stx_ino = stat->st_ino,
        .stx_size = stat->st_size,
        .stx_blocks = stat->st_blocks,
        .stx_atime = statx_time(stat->st_atime, stat->st_atime_nsec),
        .stx_mtime = statx_time(stat->st_mtime, stat->st_mtime_nsec),
        .stx_ctime = statx_time(stat->st_ctime, stat->st_ctime_nsec),
        .stx_rdev_major = MAJOR(stat->st_rdev),
        .stx_rdev_minor = MINOR(stat->st_rdev),
        .stx_dev_major = MAJOR(stat->st_dev),
        .stx_dev_minor = MINOR(stat->st_dev),
    };
}

SYSCALL5(sys_statx, int, dirfd, const char __user *, path, unsigned, flags, unsigned, mask,
         struct statx __user *, to)
{
    struct vnode *vnode;
    struct stat stat;
    struct statx statx;

    if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) ||
        (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE || (mask & STATX__RESERVED))
        return -EINVAL;
    int err = vnode_from_path(dirfd, path, flags, &vnode);
    if (err)
        return err;
    vnode_stat(vnode, &stat);
    vnode_put(vnode);
    statx_from(&stat, &statx);
    return put_user(to, &statx);
}
