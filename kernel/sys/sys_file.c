/* Open files: the offset, the length, ioctl. For transfers see sys_rw.c. */
#include <linux/errno.h>
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
