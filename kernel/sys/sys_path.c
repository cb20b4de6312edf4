/* Names in directories: making, removing, renaming and linking them, and reading symbolic links. */
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <fs/vfs.h>
#include <mm/heap.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

static long make_node(int dirfd, const char __user *path, unsigned mode, uint64_t rdev)
{
    struct path_arg arg;
    int err = path_arg_get(&arg, dirfd, path);

    if (err)
        return err;
    err = vfs_make(arg.dir, arg.path, mode & ~workdir_umask(task_current()->workdir), rdev);
    path_arg_put(&arg);
    return err;
}

SYSCALL2(sys_mkdir, const char __user *, path, unsigned, mode)
{
    return make_node(AT_FDCWD, path, S_IFDIR | (mode & 01777), 0);
}

SYSCALL3(sys_mkdirat, int, dirfd, const char __user *, path, unsigned, mode)
{
    return make_node(dirfd, path, S_IFDIR | (mode & 01777), 0);
}

/* Makes a regular file, a FIFO or a character device. Sockets and block devices are not
   supported. */
static long make_special(int dirfd, const char __user *path, unsigned mode, unsigned rdev)
{
    switch (mode & S_IFMT) {
    case 0:
    case S_IFREG:
        return make_node(dirfd, path, S_IFREG | (mode & 07777), 0);
    case S_IFIFO:
        return make_node(dirfd, path, S_IFIFO | (mode & 07777), 0);
    case S_IFCHR:
        return make_node(dirfd, path, S_IFCHR | (mode & 07777), rdev);
    case S_IFDIR:
    case S_IFSOCK:
    case S_IFBLK:
        return -EPERM;
    }
    return -EINVAL;
}

SYSCALL3(sys_mknod, const char __user *, path, unsigned, mode, unsigned, rdev)
{
    return make_special(AT_FDCWD, path, mode, rdev);
}

SYSCALL4(sys_mknodat, int, dirfd, const char __user *, path, unsigned, mode, unsigned, rdev)
{
    return make_special(dirfd, path, mode, rdev);
}

/* Calls `fn` with one path. */
static long on_path(int dirfd, const char __user *path,
                    int (*fn)(struct vnode *start, const char *path))
{
    struct path_arg arg;
    int err = path_arg_get(&arg, dirfd, path);

    if (err)
        return err;
    err = fn(arg.dir, arg.path);
    path_arg_put(&arg);
    return err;
}

SYSCALL1(sys_rmdir, const char __user *, path)
{
    return on_path(AT_FDCWD, path, vfs_rmdir);
}

SYSCALL1(sys_unlink, const char __user *, path)
{
    return on_path(AT_FDCWD, path, vfs_unlink);
}

SYSCALL3(sys_unlinkat, int, dirfd, const char __user *, path, unsigned, flags)
{
    if (flags & ~AT_REMOVEDIR)
        return -EINVAL;
    return on_path(dirfd, path, (flags & AT_REMOVEDIR) ? vfs_rmdir : vfs_unlink);
}

static long rename_path(int from_fd, const char __user *from, int to_fd, const char __user *to,
                        unsigned flags)
{
    struct path_arg from_arg, to_arg;

    if (flags & ~RENAME_NOREPLACE)
        return -EINVAL;
    int err = path_arg_get(&from_arg, from_fd, from);
    if (err)
        return err;
    err = path_arg_get(&to_arg, to_fd, to);
    if (!err) {
        err = vfs_rename(from_arg.dir, from_arg.path, to_arg.dir, to_arg.path, flags);
        path_arg_put(&to_arg);
    }
    path_arg_put(&from_arg);
    return err;
}

SYSCALL2(sys_rename, const char __user *, from, const char __user *, to)
{
    return rename_path(AT_FDCWD, from, AT_FDCWD, to, 0);
}

SYSCALL4(sys_renameat, int, from_fd, const char __user *, from, int, to_fd, const char __user *, to)
{
    return rename_path(from_fd, from, to_fd, to, 0);
}

SYSCALL5(sys_renameat2, int, from_fd, const char __user *, from, int, to_fd, const char __user *,
         to, unsigned, flags)
{
    return rename_path(from_fd, from, to_fd, to, flags);
}

static long link_path(int from_fd, const char __user *from, int to_fd, const char __user *to,
                      unsigned flags)
{
    unsigned from_flags =
        (flags & AT_EMPTY_PATH) | (flags & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW);
    struct path_arg arg;
    struct vnode *vnode;

    if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    int err = vnode_from_path(from_fd, from, from_flags, &vnode);
    if (err)
        return err;
    err = path_arg_get(&arg, to_fd, to);
    if (!err) {
        err = vfs_link(vnode, arg.dir, arg.path);
        path_arg_put(&arg);
    }
    vnode_put(vnode);
    return err;
}

SYSCALL2(sys_link, const char __user *, from, const char __user *, to)
{
    return link_path(AT_FDCWD, from, AT_FDCWD, to, 0);
}

SYSCALL5(sys_linkat, int, from_fd, const char __user *, from, int, to_fd, const char __user *, to,
         unsigned, flags)
{
    return link_path(from_fd, from, to_fd, to, flags);
}

static long symlink_path(const char __user *target, int dirfd, const char __user *path)
{
    struct path_arg target_arg, arg;
    int err = path_arg_get(&target_arg, AT_FDCWD, target);

    if (err)
        return err;
    err = path_arg_get(&arg, dirfd, path);
    if (!err) {
        err = vfs_symlink(target_arg.path, arg.dir, arg.path);
        path_arg_put(&arg);
    }
    path_arg_put(&target_arg);
    return err;
}

SYSCALL2(sys_symlink, const char __user *, target, const char __user *, path)
{
    return symlink_path(target, AT_FDCWD, path);
}

SYSCALL3(sys_symlinkat, const char __user *, target, int, dirfd, const char __user *, path)
{
    return symlink_path(target, dirfd, path);
}

/* Copies the target to the user, cut off at `size` bytes and without a final 0. */
static long copy_target(struct vnode *link, char __user *to, size_t size)
{
    char *target = heap_alloc(PATH_MAX);

    if (!target)
        return -ENOMEM;
    ssize_t len = link->ops->readlink(link, target, PATH_MAX);
    vnode_accessed(link);
    if (len >= 0) {
        len = min((size_t)len, size);
        if (copy_to_user(to, target, len))
            len = -EFAULT;
    }
    heap_free(target);
    return len;
}

/* Finds a symbolic link. An empty path means that `dirfd` is the link, opened with O_PATH. */
static int find_link(int dirfd, const char __user *path, struct vnode **link)
{
    struct path_arg arg;
    int err = path_arg_get(&arg, dirfd, path);

    if (err)
        return err;
    err = vnode_from_arg(&arg, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, link);
    if (!err && !vnode_is_link(*link)) {
        err = arg.path[0] == '\0' ? -ENOENT : -EINVAL;
        vnode_put(*link);
    }
    path_arg_put(&arg);
    return err;
}

static long readlink_path(int dirfd, const char __user *path, char __user *to, int size)
{
    struct vnode *link;

    if (size <= 0)
        return -EINVAL;
    int err = find_link(dirfd, path, &link);
    if (err)
        return err;
    long result = copy_target(link, to, size);
    vnode_put(link);
    return result;
}

SYSCALL3(sys_readlink, const char __user *, path, char __user *, to, int, size)
{
    return readlink_path(AT_FDCWD, path, to, size);
}

SYSCALL4(sys_readlinkat, int, dirfd, const char __user *, path, char __user *, to, int, size)
{
    return readlink_path(dirfd, path, to, size);
}

SYSCALL2(sys_truncate, const char __user *, path, int64_t, size)
{
    struct path_arg arg;

    if (size < 0)
        return -EINVAL;
    int err = path_arg_get(&arg, AT_FDCWD, path);
    if (err)
        return err;
    err = vfs_truncate(arg.dir, arg.path, size, size_limit());
    check_size_limit(size, err);
    path_arg_put(&arg);
    return err;
}
