/* Reading, writing and what else goes through an open file. */
#include <linux/errno.h>
#include <linux/fs.h>
#include <asm/ioctls.h>
#include <mm/heap.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

/* Reads or writes at `offset`, or, if that is AT_FILE_OFFSET, at the file's own. */
typedef ssize_t transfer_fn(struct file *file, struct uio *uio, int64_t offset);

#define AT_FILE_OFFSET (-1l)

static ssize_t read_at(struct file *file, struct uio *uio, int64_t offset)
{
    return offset == AT_FILE_OFFSET ? file_read(file, uio) : file_pread(file, uio, offset);
}

static ssize_t write_at(struct file *file, struct uio *uio, int64_t offset)
{
    return offset == AT_FILE_OFFSET ? file_write(file, uio) : file_pwrite(file, uio, offset);
}

static void send_pipe_signal(void)
{
    struct process *self = process_current();

    signal_send(self, &(struct signal_info){.signo = SIGPIPE, .code = SI_USER, .pid = self->pid});
}

/* Who writes where nobody reads any more is told twice, even if some bytes went through before. */
static ssize_t transfer(struct file *file, struct uio *uio, int64_t offset, transfer_fn *fn)
{
    ssize_t done = fn(file, uio, offset);

    if (uio->broken)
        send_pipe_signal();
    return done;
}

static long transfer_buffer(int fd, const void __user *buf, size_t len, int64_t offset,
                            transfer_fn *fn)
{
    struct uio uio;
    struct file *file = file_from_fd(fd);

    if (!file)
        return -EBADF;
    uio_init_user(&uio, buf, min(len, MAX_RW_COUNT));
    ssize_t done = user_access_ok(buf, len) ? transfer(file, &uio, offset, fn) : -EFAULT;
    file_put(file);
    return done;
}

SYSCALL3(sys_read, int, fd, void __user *, buf, size_t, len)
{
    return transfer_buffer(fd, buf, len, AT_FILE_OFFSET, read_at);
}

SYSCALL3(sys_write, int, fd, const void __user *, buf, size_t, len)
{
    return transfer_buffer(fd, buf, len, AT_FILE_OFFSET, write_at);
}

SYSCALL4(sys_pread64, int, fd, void __user *, buf, size_t, len, int64_t, offset)
{
    return offset < 0 ? -EINVAL : transfer_buffer(fd, buf, len, offset, read_at);
}

SYSCALL4(sys_pwrite64, int, fd, const void __user *, buf, size_t, len, int64_t, offset)
{
    return offset < 0 ? -EINVAL : transfer_buffer(fd, buf, len, offset, write_at);
}

static ssize_t transfer_pieces(struct file *file, const struct iovec *pieces, size_t count,
                               int64_t offset, transfer_fn *fn)
{
    struct uio uio;
    ssize_t len = pieces_count(pieces, count);

    if (len < 0)
        return len;
    uio_init_pieces(&uio, pieces, len);
    return transfer(file, &uio, offset, fn);
}

static long transfer_vector(int fd, const struct iovec __user *from, size_t count, int64_t offset,
                            transfer_fn *fn)
{
    struct iovec *pieces;
    struct file *file = file_from_fd(fd);

    if (!file)
        return -EBADF;
    ssize_t done = pieces_fetch(from, count, &pieces);
    if (done == 0)
        done = transfer_pieces(file, pieces, count, offset, fn);
    heap_free(pieces);
    file_put(file);
    return done;
}

SYSCALL3(sys_readv, int, fd, const struct iovec __user *, pieces, size_t, count)
{
    return transfer_vector(fd, pieces, count, AT_FILE_OFFSET, read_at);
}

SYSCALL3(sys_writev, int, fd, const struct iovec __user *, pieces, size_t, count)
{
    return transfer_vector(fd, pieces, count, AT_FILE_OFFSET, write_at);
}

SYSCALL4(sys_preadv, int, fd, const struct iovec __user *, pieces, size_t, count, int64_t, offset)
{
    return offset < 0 ? -EINVAL : transfer_vector(fd, pieces, count, offset, read_at);
}

SYSCALL4(sys_pwritev, int, fd, const struct iovec __user *, pieces, size_t, count, int64_t, offset)
{
    return offset < 0 ? -EINVAL : transfer_vector(fd, pieces, count, offset, write_at);
}

/* What preadv2 and pwritev2 have in common: an offset of -1 is the file's own. None of the RWF_ flags is there. */
static long transfer_vector_flags(int fd, const struct iovec __user *pieces, size_t count,
                                  int64_t offset, unsigned flags, transfer_fn *fn)
{
    if (offset < AT_FILE_OFFSET)
        return -EINVAL;
    return flags ? -EOPNOTSUPP : transfer_vector(fd, pieces, count, offset, fn);
}

/* The fifth argument would be the upper half of the offset, on machines of 32 bits. */
SYSCALL6(sys_preadv2, int, fd, const struct iovec __user *, pieces, size_t, count, int64_t, offset,
         uint64_t, upper __unused, unsigned, flags)
{
    return transfer_vector_flags(fd, pieces, count, offset, flags, read_at);
}

SYSCALL6(sys_pwritev2, int, fd, const struct iovec __user *, pieces, size_t, count, int64_t, offset,
         uint64_t, upper __unused, unsigned, flags)
{
    return transfer_vector_flags(fd, pieces, count, offset, flags, write_at);
}

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
    int err = file_truncate(file, size);
    file_put(file);
    return err;
}

/* Files here are in memory: all there is to do is to say whether there is such a file. */
static long sync_file(int fd)
{
    struct file *file = io_file_from_fd(fd);

    if (!file)
        return -EBADF;
    bool can_sync = vnode_is_file(file->vnode) || vnode_is_dir(file->vnode);
    file_put(file);
    return can_sync ? 0 : -EINVAL;
}

SYSCALL1(sys_fsync, int, fd)
{
    return sync_file(fd);
}

SYSCALL1(sys_fdatasync, int, fd)
{
    return sync_file(fd);
}

SYSCALL0(sys_sync)
{
    return 0;
}

static void set_flag(struct file *file, unsigned flag, bool on)
{
    if (on)
        atomic_or(&file->flags, flag);
    else
        atomic_and(&file->flags, ~flag);
}

static int set_nonblocking(struct file *file, uaddr_t arg)
{
    int on;
    int err = get_user(&on, (int __user *)arg);

    if (!err)
        set_flag(file, O_NONBLOCK, on);
    return err;
}

/* Bytes from the offset to the end. */
static int file_readable_bytes(struct file *file, uaddr_t arg)
{
    int64_t rest = vnode_size(file->vnode) - atomic_load_relaxed(&file->offset);
    int n = min(rest, (int64_t)INT32_MAX);

    return put_user((int __user *)arg, &n);
}

/* The requests that every file has, then its own. */
static int ioctl_file(struct file *file, int fd, unsigned request, uaddr_t arg)
{
    switch (request) {
    case FIOCLEX:
    case FIONCLEX:
        return fdtable_set_cloexec(process_current()->files, fd, request == FIOCLEX);
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
