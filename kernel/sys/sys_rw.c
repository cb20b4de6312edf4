/* Reading and writing open files: read, write, and the variants with an offset or with segments. */

#include <linux/errno.h>
#include <mm/heap.h>
#include <sys/fileargs.h>
#include <sys/iov.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

/* Transfers at `offset`, or at the file's own offset if that is AT_FILE_OFFSET. */
typedef ssize_t transfer_fn(struct file *file, struct uio *uio, int64_t offset);

#define AT_FILE_OFFSET (-1l)

static ssize_t transfer_in(struct file *file, struct uio *uio, int64_t offset)
{
    return offset == AT_FILE_OFFSET ? file_read(file, uio) : file_pread(file, uio, offset);
}

/* RLIMIT_FSIZE ends a write with a short count; a write that begins there gets -EFBIG and SIGXFSZ.
   A writer to a pipe without readers gets SIGPIPE and -EPIPE. It gets the signal even if some bytes
   were written before the last reader closed. */
static ssize_t transfer_out(struct file *file, struct uio *uio, int64_t offset)
{
    uio->size_limit = size_limit();
    ssize_t done =
        offset == AT_FILE_OFFSET ? file_write(file, uio) : file_pwrite(file, uio, offset);

    if (uio->broken)
        signal_send_self(SIGPIPE);
    if (uio->over_limit)
        signal_send_self(SIGXFSZ);
    return done;
}

/* Checks what Linux checks before it looks at the buffer. Errors: -ESPIPE (no offset), -EBADF. */
static int check_transfer(const struct file *file, int64_t offset, transfer_fn *transfer)
{
    if (offset != AT_FILE_OFFSET && !file_has_offset(file))
        return -ESPIPE;
    return (transfer == transfer_in ? file_may_read(file) : file_may_write(file)) ? 0 : -EBADF;
}

static long transfer_buffer(int fd, const void __user *buf, size_t len, int64_t offset,
                            transfer_fn *transfer)
{
    struct uio uio;
    struct file *file = file_from_fd(fd);

    if (!file)
        return -EBADF;
    uio_init_user(&uio, buf, min(len, MAX_RW_COUNT));
    ssize_t done = check_transfer(file, offset, transfer);
    if (!done)
        done = user_access_ok(buf, len) ? transfer(file, &uio, offset) : -EFAULT;
    file_put(file);
    return done;
}

SYSCALL3(sys_read, int, fd, void __user *, buf, size_t, len)
{
    return transfer_buffer(fd, buf, len, AT_FILE_OFFSET, transfer_in);
}

SYSCALL3(sys_write, int, fd, const void __user *, buf, size_t, len)
{
    return transfer_buffer(fd, buf, len, AT_FILE_OFFSET, transfer_out);
}

SYSCALL4(sys_pread64, int, fd, void __user *, buf, size_t, len, int64_t, offset)
{
    return offset < 0 ? -EINVAL : transfer_buffer(fd, buf, len, offset, transfer_in);
}

SYSCALL4(sys_pwrite64, int, fd, const void __user *, buf, size_t, len, int64_t, offset)
{
    return offset < 0 ? -EINVAL : transfer_buffer(fd, buf, len, offset, transfer_out);
}

static ssize_t transfer_fetched(struct file *file, const struct iovec *iov, size_t count,
                                int64_t offset, transfer_fn *transfer)
{
    struct uio uio;
    ssize_t len = iov_total(iov, count);

    if (len <= 0)
        return len;
    uio_init_iov(&uio, iov, len);
    return transfer(file, &uio, offset);
}

static long transfer_iov(int fd, const struct iovec __user *from, size_t count, int64_t offset,
                         transfer_fn *transfer)
{
    struct iovec *iov = NULL;
    struct file *file = file_from_fd(fd);

    if (!file)
        return -EBADF;
    ssize_t done = check_transfer(file, offset, transfer);
    if (!done)
        done = iov_fetch(from, count, &iov);
    if (!done)
        done = transfer_fetched(file, iov, count, offset, transfer);
    heap_free(iov);
    file_put(file);
    return done;
}

SYSCALL3(sys_readv, int, fd, const struct iovec __user *, iov, size_t, count)
{
    return transfer_iov(fd, iov, count, AT_FILE_OFFSET, transfer_in);
}

SYSCALL3(sys_writev, int, fd, const struct iovec __user *, iov, size_t, count)
{
    return transfer_iov(fd, iov, count, AT_FILE_OFFSET, transfer_out);
}

SYSCALL4(sys_preadv, int, fd, const struct iovec __user *, iov, size_t, count, int64_t, offset)
{
    return offset < 0 ? -EINVAL : transfer_iov(fd, iov, count, offset, transfer_in);
}

SYSCALL4(sys_pwritev, int, fd, const struct iovec __user *, iov, size_t, count, int64_t, offset)
{
    return offset < 0 ? -EINVAL : transfer_iov(fd, iov, count, offset, transfer_out);
}

/* Reads or writes for preadv2 and pwritev2: an offset of -1 is the file's own. No RWF_ flag is
   supported. */
static long transfer_iov_flags(int fd, const struct iovec __user *iov, size_t count, int64_t offset,
                               unsigned flags, transfer_fn *transfer)
{
    if (offset < AT_FILE_OFFSET)
        return -EINVAL;
    return flags ? -EOPNOTSUPP : transfer_iov(fd, iov, count, offset, transfer);
}

/* The fifth argument of these two is the upper half of the offset on machines of 32 bits. */
SYSCALL6(sys_preadv2, int, fd, const struct iovec __user *, iov, size_t, count, int64_t, offset,
         uint64_t, upper __unused, unsigned, flags)
{
    return transfer_iov_flags(fd, iov, count, offset, flags, transfer_in);
}

SYSCALL6(sys_pwritev2, int, fd, const struct iovec __user *, iov, size_t, count, int64_t, offset,
         uint64_t, upper __unused, unsigned, flags)
{
    return transfer_iov_flags(fd, iov, count, offset, flags, transfer_out);
}
