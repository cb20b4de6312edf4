/* Open files: the offset, the length, ioctl. For transfers see sys_rw.c. */
#include <linux/errno.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <asm/ioctls.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

SYSCALL3(sys_lseek, int, fd, int64_t, offset, unsigned, whence)
{
    struct file *file = io_file_from_fd(fd);

    if (!file)
        return -EBADF;
    int64_t result = file_seek(file, offset, whence);
    file_put(file);
    return result;
}

SYSCALL2(sys_ftruncate, int, fd, int64_t, size)
{
    if (size < 0)
        return -EINVAL;
    struct file *file = io_file_from_fd(fd);
    if (!file)
        return -EBADF;
    int err = file_truncate(file, size, size_limit());
    check_size_limit(size, err);
    file_put(file);
    return err;
}

/* Checks a mode of fallocate as Linux does, whatever the file. */
static int check_allocate_mode(unsigned mode)
{
    switch (mode & ~FALLOC_FL_KEEP_SIZE) {
    case 0:
    case FALLOC_FL_ZERO_RANGE:
    case FALLOC_FL_UNSHARE_RANGE:
        return 0;
    case FALLOC_FL_PUNCH_HOLE:
        return mode & FALLOC_FL_KEEP_SIZE ? 0 : -EOPNOTSUPP;
    case FALLOC_FL_COLLAPSE_RANGE:
    case FALLOC_FL_INSERT_RANGE:
        return mode & FALLOC_FL_KEEP_SIZE ? -EOPNOTSUPP : 0;
    default:
        return -EOPNOTSUPP;
    }
}

static int allocate(struct file *file, unsigned mode, int64_t offset, int64_t len)
{
    int64_t end;

    if (offset < 0 || len <= 0)
        return -EINVAL;
    int err = check_allocate_mode(mode);
    if (err)
        return err;
    if (!file_may_write(file))
        return -EBADF;
    if (S_ISFIFO(file->vnode->mode))
        return -ESPIPE;
    if (__builtin_add_overflow(offset, len, &end))
        return vnode_is_file(file->vnode) ? -EFBIG : -ENODEV;
    err = vnode_allocate(file->vnode, offset, end, mode, size_limit());
    check_size_limit(end, err);
    return err;
}

SYSCALL4(sys_fallocate, int, fd, unsigned, mode, int64_t, offset, int64_t, len)
{
    struct file *file = io_file_from_fd(fd);

    if (!file)
        return -EBADF;
    int err = allocate(file, mode, offset, len);
    file_put(file);
    return err;
}

static int set_nonblocking(struct file *file, uaddr_t arg)
{
    int on;

    if (get_user(&on, (int __user *)arg))
        return -EFAULT;
    if (on)
        atomic_or(&file->flags, O_NONBLOCK);
    else
        atomic_and(&file->flags, ~O_NONBLOCK);
    return 0;
}

/* Stores the number of bytes from the offset to the end of the file at `arg`. */
static int file_readable_bytes(struct file *file, uaddr_t arg)
{
    int64_t rest = vnode_size(file->vnode) - atomic_load_relaxed(&file->offset);
    int n = min(rest, (int64_t)INT32_MAX);

    return put_user((int __user *)arg, &n);
}

/* Serves the requests that every file supports, and passes the others to the file's kind. */
static int ioctl_file(struct file *file, int fd, unsigned request, uaddr_t arg)
{
    switch (request) {
    case FIOCLEX:
        return fdtable_set_flags(task_current()->files, fd, FD_CLOEXEC);
    case FIONCLEX:
        return fdtable_set_flags(task_current()->files, fd, 0);
    case FIONBIO:
        return set_nonblocking(file, arg);
    }
    if (request == FIONREAD && vnode_is_file(file->vnode))
        return file_readable_bytes(file, arg);
    return file->ops->ioctl ? file->ops->ioctl(file, request, arg) : -ENOTTY;
}

SYSCALL3(sys_ioctl, int, fd, unsigned, request, uaddr_t, arg)
{
    struct file *file = io_file_from_fd(fd);

    if (!file)
        return -EBADF;
    int err = ioctl_file(file, fd, request, arg);
    file_put(file);
    return err;
}
