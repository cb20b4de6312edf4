/* What is known of a file: stat, permissions, times; and the listing of directories. */
#include <linux/errno.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include <arch/clock.h>
#include <fs/stat.h>
#include <fs/vfs.h>
#include <lib/string.h>
#include <sys/convert.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

/* Says of `vnode`, whose reference goes, what stat(2) says. */
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

SYSCALL2(stat, const char __user *, path, struct stat __user *, to)
{
    return stat_path(AT_FDCWD, path, to, 0);
}

SYSCALL2(lstat, const char __user *, path, struct stat __user *, to)
{
    return stat_path(AT_FDCWD, path, to, AT_SYMLINK_NOFOLLOW);
}

SYSCALL4(newfstatat, int, dirfd, const char __user *, path, struct stat __user *, to, unsigned,
         flags)
{
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
        return -EINVAL;
    return stat_path(dirfd, path, to, flags);
}

SYSCALL2(fstat, int, fd, struct stat __user *, to)
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

/* Root may read and write everything, and run what somebody may run. */
static bool may_access(const struct vnode *vnode, unsigned access)
{
    bool may_exec = vnode_is_dir(vnode) || (vnode->mode & (S_IXUSR | S_IXGRP | S_IXOTH));

    return may_exec || !(access & MAY_EXEC);
}

static long check_access(int dirfd, const char __user *path, unsigned access, unsigned flags)
{
    struct vnode *vnode;

    if ((access & ~7u) || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
        return -EINVAL;
    int err = vnode_from_path(dirfd, path, flags, &vnode);
    if (err)
        return err;
    err = may_access(vnode, access) ? 0 : -EACCES;
    vnode_put(vnode);
    return err;
}

SYSCALL2(access, const char __user *, path, unsigned, access)
{
    return check_access(AT_FDCWD, path, access, 0);
}

SYSCALL3(faccessat, int, dirfd, const char __user *, path, unsigned, access)
{
    return check_access(dirfd, path, access, 0);
}

SYSCALL4(faccessat2, int, dirfd, const char __user *, path, unsigned, access, unsigned, flags)
{
    return check_access(dirfd, path, access, flags);
}

static long chmod_path(int dirfd, const char __user *path, unsigned mode)
{
    struct vnode *vnode;
    int err = vnode_from_path(dirfd, path, 0, &vnode);

    if (err)
        return err;
    vnode_chmod(vnode, mode & 07777);
    vnode_put(vnode);
    return 0;
}

SYSCALL2(chmod, const char __user *, path, unsigned, mode)
{
    return chmod_path(AT_FDCWD, path, mode);
}

SYSCALL3(fchmodat, int, dirfd, const char __user *, path, unsigned, mode)
{
    return chmod_path(dirfd, path, mode);
}

SYSCALL2(fchmod, int, fd, unsigned, mode)
{
    struct file *file = io_file_from_fd(fd);

    if (!file)
        return -EBADF;
    vnode_chmod(file->vnode, mode & 07777);
    file_put(file);
    return 0;
}

/* Linux has these in no header for programs. */
#define UTIME_NOW  ((1l << 30) - 1)
#define UTIME_OMIT ((1l << 30) - 2)

/* One time of utimensat(2): the nanoseconds to set, or, with UTIME_OMIT, the old ones. */
static int time_to_set(const struct __kernel_timespec *time, uint64_t *ns)
{
    if (time->tv_nsec == UTIME_NOW)
        *ns = clock_realtime_ns();
    else if (time->tv_nsec != UTIME_OMIT && !timespec_to_ns(time, ns))
        return -EINVAL;
    return 0;
}

/* `times`: access and modification. */
static int set_times(struct vnode *vnode, const struct __kernel_timespec times[2])
{
    uint64_t atime = vnode->atime_ns, mtime = vnode->mtime_ns;
    int err = time_to_set(&times[0], &atime);

    if (!err)
        err = time_to_set(&times[1], &mtime);
    if (err)
        return err;
    atomic_store_relaxed(&vnode->atime_ns, atime);
    atomic_store_relaxed(&vnode->mtime_ns, mtime);
    vnode_touch_ctime(vnode);
    return 0;
}

/* The vnode of a path, or of `fd` itself where there is none. */
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

SYSCALL4(utimensat, int, fd, const char __user *, path, const struct __kernel_timespec __user *,
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

/* ---- Listing ---- */

/* What getdents64(2) gives: Linux has this in no header for programs. */
struct linux_dirent64 {
    uint64_t d_ino;
    int64_t d_off; /* where the next one is found */
    uint16_t d_reclen;
    uint8_t d_type; /* the S_IFMT bits, shifted */
    char d_name[];
};

/* Room for the longest name, with its 0 and the padding. */
union dirent_buf {
    struct linux_dirent64 dirent;
    char bytes[offsetof(struct linux_dirent64, d_name) + NAME_MAX + 1 + 8];
};

/* A user's buffer that is being filled. */
struct listing {
    char __user *to;
    size_t left, done;
    int err; /* why it ended: -EINVAL, no room; -EFAULT */
};

static size_t make_dirent(const struct dir_entry *entry, union dirent_buf *buf)
{
    size_t len = offsetof(struct linux_dirent64, d_name) + strlen(entry->name) + 1;

    memset(buf, 0, sizeof(*buf));
    buf->dirent.d_ino = entry->ino;
    buf->dirent.d_off = entry->cookie + 1;
    buf->dirent.d_reclen = round_up(len, 8);
    buf->dirent.d_type = entry->mode >> 12;
    strlcpy(buf->dirent.d_name, entry->name, NAME_MAX + 1);
    return buf->dirent.d_reclen;
}

static int emit_dirent(const struct dir_entry *entry, void *arg)
{
    struct listing *listing = arg;
    union dirent_buf buf;
    size_t len = make_dirent(entry, &buf);

    if (len > listing->left)
        listing->err = -EINVAL;
    else
        listing->err = copy_to_user(listing->to, &buf, len);
    if (listing->err)
        return listing->err;
    listing->to += len;
    listing->left -= len;
    listing->done += len;
    return 0;
}

SYSCALL3(getdents64, int, fd, char __user *, to, unsigned, size)
{
    struct listing listing = {.to = to, .left = size};
    struct file *file = file_from_fd(fd);

    if (!file)
        return -EBADF;
    int err = file_may_read(file) ? file_list(file, emit_dirent, &listing) : -EBADF;
    file_put(file);
    return uio_result(listing.done, err ? err : listing.err);
}
