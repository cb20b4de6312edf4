/* Reading, writing and what else goes through an open file. */
#include <linux/errno.h>
#include <linux/fs.h>
#include <asm/ioctls.h>
#include <mm/heap.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

/* The most that one call moves, as on Linux. */
#define MAX_RW_COUNT (INT32_MAX & ~(PAGE_SIZE - 1))

/* One of file_read, file_write. */
typedef ssize_t transfer_fn(struct file *file, struct uio *uio);

static void send_pipe_signal(void)
{
    struct process *self = process_current();

    signal_send(self, &(struct signal_info){.signo = SIGPIPE, .code = SI_USER, .pid = self->pid});
}

/* Who writes where nobody reads any more is told twice, even if some bytes went through before. */
static ssize_t transfer(struct file *file, struct uio *uio, transfer_fn *fn)
{
    ssize_t done = fn(file, uio);

    if (uio->broken)
        send_pipe_signal();
    return done;
}

static long transfer_buffer(int fd, const void __user *buf, size_t len, transfer_fn *fn)
{
    struct uio uio;
    struct file *file = file_from_fd(fd);

    if (!file)
        return -EBADF;
    uio_init_user(&uio, buf, min(len, MAX_RW_COUNT));
    ssize_t done = user_access_ok(buf, len) ? transfer(file, &uio, fn) : -EFAULT;
    file_put(file);
    return done;
}

SYSCALL3(read, int, fd, void __user *, buf, size_t, len)
{
    return transfer_buffer(fd, buf, len, file_read);
}

SYSCALL3(write, int, fd, const void __user *, buf, size_t, len)
{
    return transfer_buffer(fd, buf, len, file_write);
}

/* The bytes of all pieces together, at most MAX_RW_COUNT. -EINVAL: a length below 0; -EFAULT. */
static ssize_t count_pieces(const struct iovec *pieces, size_t count)
{
    size_t total = 0;

    for (size_t i = 0; i < count; i++) {
        const void __user *base = (const void __user *)pieces[i].iov_base;

        if ((ssize_t)pieces[i].iov_len < 0)
            return -EINVAL;
        if (!user_access_ok(base, pieces[i].iov_len))
            return -EFAULT;
        total = min(total + pieces[i].iov_len, MAX_RW_COUNT);
    }
    return total;
}

/* Copies the pieces of a readv or writev, `count` > 0 of them, onto the heap. */
static int fetch_pieces(const struct iovec __user *from, size_t count, struct iovec **result)
{
    if (count > UIO_MAXIOV)
        return -EINVAL;
    struct iovec *pieces = heap_alloc(count * sizeof(*pieces));
    if (!pieces)
        return -ENOMEM;
    int err = copy_from_user(pieces, from, count * sizeof(*pieces));
    if (err) {
        heap_free(pieces);
        return err;
    }
    *result = pieces;
    return 0;
}

static ssize_t transfer_pieces(struct file *file, const struct iovec *pieces, size_t count,
                               transfer_fn *fn)
{
    struct uio uio;
    ssize_t len = count_pieces(pieces, count);

    if (len < 0)
        return len;
    uio_init_pieces(&uio, pieces, len);
    return transfer(file, &uio, fn);
}

static long transfer_vector(int fd, const struct iovec __user *from, size_t count, transfer_fn *fn)
{
    struct iovec *pieces = NULL;
    struct file *file = file_from_fd(fd);

    if (!file)
        return -EBADF;
    ssize_t done = count ? fetch_pieces(from, count, &pieces) : 0;
    if (done == 0)
        done = transfer_pieces(file, pieces, count, fn);
    heap_free(pieces);
    file_put(file);
    return done;
}

SYSCALL3(readv, int, fd, const struct iovec __user *, pieces, size_t, count)
{
    return transfer_vector(fd, pieces, count, file_read);
}

SYSCALL3(writev, int, fd, const struct iovec __user *, pieces, size_t, count)
{
    return transfer_vector(fd, pieces, count, file_write);
}

static long transfer_at(int fd, const void __user *buf, size_t len, int64_t offset,
                        ssize_t (*fn)(struct file *file, struct uio *uio, uint64_t offset))
{
    struct uio uio;

    if (offset < 0)
        return -EINVAL;
    struct file *file = file_from_fd(fd);
    if (!file)
        return -EBADF;
    uio_init_user(&uio, buf, min(len, MAX_RW_COUNT));
    ssize_t done = user_access_ok(buf, len) ? fn(file, &uio, offset) : -EFAULT;
    file_put(file);
    return done;
}

SYSCALL4(pread64, int, fd, void __user *, buf, size_t, len, int64_t, offset)
{
    return transfer_at(fd, buf, len, offset, file_pread);
}

SYSCALL4(pwrite64, int, fd, const void __user *, buf, size_t, len, int64_t, offset)
{
    return transfer_at(fd, buf, len, offset, file_pwrite);
}

SYSCALL3(lseek, int, fd, int64_t, offset, unsigned, whence)
{
    struct file *file = io_file_from_fd(fd);

    if (!file)
        return -EBADF;
    int64_t result = file_seek(file, offset, whence);
    file_put(file);
    return result;
}

SYSCALL2(ftruncate, int, fd, int64_t, size)
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

SYSCALL1(fsync, int, fd)
{
    return sync_file(fd);
}

SYSCALL1(fdatasync, int, fd)
{
    return sync_file(fd);
}

SYSCALL0(sync)
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

SYSCALL3(ioctl, int, fd, unsigned, request, uaddr_t, arg)
{
    struct file *file = io_file_from_fd(fd);

    if (!file)
        return -EBADF;
    int err = ioctl_file(file, fd, request, arg);
    file_put(file);
    return err;
}
