/* Changing the attributes of a file: its mode, owner and times. */
#include <linux/errno.h>
#include <arch/clock.h>
#include <fs/vfs.h>
#include <sys/convert.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

static int attr_may_change(const struct vnode *vnode)
{
    return vnode_is_read_only(vnode) ? -EROFS : 0;
}

/* ---- Modes ---- */

static long chmod_path(int dirfd, const char __user *path, unsigned mode)
{
    struct vnode *vnode;
    int err = vnode_from_path(dirfd, path, 0, &vnode);

    if (err)
        return err;
    err = attr_may_change(vnode);
    if (!err)
        vnode_chmod(vnode, mode & 07777);
    vnode_put(vnode);
    return err;
}

SYSCALL2(sys_chmod, const char __user *, path, unsigned, mode)
{
    return chmod_path(AT_FDCWD, path, mode);
}

SYSCALL3(sys_fchmodat, int, dirfd, const char __user *, path, unsigned, mode)
{
    return chmod_path(dirfd, path, mode);
}

SYSCALL2(sys_fchmod, int, fd, unsigned, mode)
{
    struct file *file = io_file_from_fd(fd);

    if (!file)
        return -EBADF;
    int err = attr_may_change(file->vnode);
    if (!err)
        vnode_chmod(file->vnode, mode & 07777);
    file_put(file);
    return err;
}

SYSCALL1(sys_umask, unsigned, mask)
{
    return workdir_set_umask(task_current()->workdir, mask & 0777);
}

/* ---- Owners: stored, but not checked, because every user is root ---- */

static long chown_path(int dirfd, const char __user *path, uint32_t uid, uint32_t gid,
                       unsigned flags)
{
    struct vnode *vnode;
    int err = vnode_from_path(dirfd, path, flags, &vnode);

    if (err)
        return err;
    err = attr_may_change(vnode);
    if (!err)
        vnode_chown(vnode, uid, gid);
    vnode_put(vnode);
    return err;
}

SYSCALL3(sys_chown, const char __user *, path, uint32_t, uid, uint32_t, gid)
{
    return chown_path(AT_FDCWD, path, uid, gid, 0);
}

SYSCALL3(sys_lchown, const char __user *, path, uint32_t, uid, uint32_t, gid)
{
    return chown_path(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

SYSCALL5(sys_fchownat, int, dirfd, const char __user *, path, uint32_t, uid, uint32_t, gid,
         unsigned, flags)
{
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    return chown_path(dirfd, path, uid, gid, flags);
}

SYSCALL3(sys_fchown, int, fd, uint32_t, uid, uint32_t, gid)
{
    struct file *file = io_file_from_fd(fd);

    if (!file)
        return -EBADF;
    int err = attr_may_change(file->vnode);
    if (!err)
        vnode_chown(file->vnode, uid, gid);
    file_put(file);
    return err;
}

/* ---- Times ---- */

/* Linux has these constants in no header for programs. */
#define UTIME_NOW  ((1l << 30) - 1)
#define UTIME_OMIT ((1l << 30) - 2)

/* Stores a time of utimensat(2) in *ns. With UTIME_OMIT, *ns stays as it is. */
static int time_to_set(const struct __kernel_timespec *time, uint64_t *ns)
{
    if (time->tv_nsec == UTIME_NOW)
        *ns = clock_realtime_ns();
    else if (time->tv_nsec != UTIME_OMIT && !timespec_to_ns(time, ns))
        return -EINVAL;
    return 0;
}

/* Sets the times of access (times[0]) and modification (times[1]). */
static int set_times(struct vnode *vnode, const struct __kernel_timespec times[2])
{
    uint64_t atime = vnode->atime_ns, mtime = vnode->mtime_ns;
    int err = time_to_set(&times[0], &atime);

    if (!err)
        err = time_to_set(&times[1], &mtime);
    if (!err)
        err = attr_may_change(vnode);
    if (err)
        return err;
    atomic_store_relaxed(&vnode->atime_ns, atime);
    atomic_store_relaxed(&vnode->mtime_ns, mtime);
    vnode_touch_ctime(vnode);
    return 0;
}

/* Finds the vnode of a path, or of `fd` itself if `path` is NULL. Takes a reference on it. */
static int vnode_from_fd_or_path(int fd, const char __user *path, unsigned flags,
                                 struct vnode **vnode)
{
    if (path || fd == AT_FDCWD)
        return vnode_from_path(fd, path, flags, vnode);
    struct file *file = file_from_fd(fd);
    if (!file)
        return -EBADF;
    vnode_get(*vnode = file->vnode);
    file_put(file);
    return 0;
}

SYSCALL4(sys_utimensat, int, fd, const char __user *, path, const struct __kernel_timespec __user *,
         from, unsigned, flags)
{
    struct __kernel_timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
    struct vnode *vnode;

    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    if (from && copy_from_user(times, from, sizeof(times)))
        return -EFAULT;
    int err = vnode_from_fd_or_path(fd, path, flags, &vnode);
    if (err)
        return err;
    err = set_times(vnode, times);
    vnode_put(vnode);
    return err;
}
