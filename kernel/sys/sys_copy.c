/* Copying between files without user memory: sendfile, copy_file_range. */
#include <linux/errno.h>
#include <linux/fs.h>
#include <fs/copy.h>
#include <sys/fileargs.h>
#include <sys/iov.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

/* Where a call reads or writes: at an offset that the program passes, or at the file's own. */
struct place {
    int64_t __user *passed; /* NULL: the file's own */
    int64_t offset;
};

static int place_get(struct place *place, const struct file *file)
{
    if (place->passed)
        return get_user(&place->offset, place->passed);
    place->offset = atomic_load_relaxed(&file->offset);
    return 0;
}

/* Stores where the call has come to. */
static int place_put(const struct place *place, struct file *file, uint64_t offset)
{
    if (place->passed)
        return put_user(place->passed, &offset);
    return min(file_seek(file, offset, SEEK_SET), 0l);
}

static ssize_t copy(struct file_copy *copy)
{
    copy->size_limit = size_limit();
    ssize_t done = file_copy(copy);
    if (copy->broken)
        signal_send_self(SIGPIPE);
    if (copy->over_limit)
        signal_send_self(SIGXFSZ);
    return done;
}

/* Returns the open file `fd` with a reference; NULL: there is none, or `may` forbids its use. */
static struct file *file_for(int fd, bool (*may)(const struct file *file))
{
    struct file *file = file_from_fd(fd);

    if (!file || may(file))
        return file;
    file_put(file);
    return NULL;
}

/* ---- sendfile ---- */

/* Checks what Linux checks before it copies. The file that is read has pages, or zeros: a pipe or a
   terminal would lose what cannot be written. */
static int check_send(const struct file *out, const struct file *in, const struct place *from,
                      size_t len)
{
    bool is_pipe = S_ISFIFO(out->vnode->mode);
    int64_t end;

    if (from->passed && !file_has_offset(in))
        return -ESPIPE;
    if (from->offset < 0 || __builtin_add_overflow(from->offset, len, &end))
        return -EINVAL;
    if (!file_has_offset(in) || (!is_pipe && (atomic_load_relaxed(&out->flags) & O_APPEND)))
        return -EINVAL;
    return len == 0 || in->vnode->cache || in->ops->is_zeros ? 0 : -EINVAL;
}

static ssize_t send_file(struct file *out, struct file *in, struct place *from, size_t len)
{
    int err = from->passed ? 0 : place_get(from, in);

    len = min(len, MAX_RW_COUNT);
    if (!err)
        err = check_send(out, in, from, len);
    if (err)
        return err;
    struct file_copy request = {
        .in = in, .out = out, .from = from->offset, .is_stream = true, .len = len};
    ssize_t done = copy(&request);
    from->offset = request.from;
    if (!from->passed && done > 0)
        (void)place_put(from, in, request.from);
    return done;
}

static ssize_t send_from(int out_fd, struct file *in, struct place *from, size_t len)
{
    struct file *out = file_for(out_fd, file_may_write);

    if (!out)
        return -EBADF;
    ssize_t done = send_file(out, in, from, len);
    file_put(out);
    return done;
}

/* The offset is fetched first, and stored last, even if nothing was copied. */
SYSCALL4(sys_sendfile, int, out_fd, int, in_fd, int64_t __user *, offset, size_t, len)
{
    struct place from = {.passed = offset};
    ssize_t done = -EBADF;

    if (offset && get_user(&from.offset, offset))
        return -EFAULT;
    struct file *in = file_for(in_fd, file_may_read);
    if (in) {
        done = send_from(out_fd, in, &from, len);
        file_put(in);
    }
    if (offset && put_user(offset, &from.offset))
        return -EFAULT;
    return done;
}

/* ---- copy_file_range ---- */

static int check_copy_files(const struct file *in, const struct file *out)
{
    if (vnode_is_dir(in->vnode) || vnode_is_dir(out->vnode))
        return -EISDIR;
    if (!vnode_is_file(in->vnode) || !vnode_is_file(out->vnode))
        return -EINVAL;
    if (!file_may_read(in) || !file_may_write(out) || (atomic_load_relaxed(&out->flags) & O_APPEND))
        return -EBADF;
    return in->vnode->fs == out->vnode->fs ? 0 : -EXDEV;
}

/* Shortens *len to what the file that is read has, and to what RLIMIT_FSIZE allows. Then checks
   that the two ranges do not overlap in one file. */
static int check_copy_range(const struct file *in, int64_t from, const struct file *out, int64_t to,
                            size_t *len)
{
    const uint64_t longest = INT64_MAX, size = vnode_size(in->vnode), limit = size_limit();
    uint64_t first = from, second = to, end;

    if (__builtin_add_overflow(first, *len, &end) || __builtin_add_overflow(second, *len, &end))
        return -EOVERFLOW;
    *len = first < size ? min(*len, size - first) : 0;
    if (to >= 0 && second >= limit) {
        signal_send_self(SIGXFSZ);
        return -EFBIG;
    }
    if (second == longest)
        return -EFBIG;
    if (to >= 0)
        *len = min(*len, (limit < longest ? limit : longest) - second);
    if (in->vnode == out->vnode && second + *len > first && second < first + *len)
        return -EINVAL;
    return from < 0 || to < 0 ? -EINVAL : 0;
}

static ssize_t copy_range(struct file *in, const struct place *from, struct file *out,
                          const struct place *to, size_t len)
{
    int err = check_copy_files(in, out);

    if (!err)
        err = check_copy_range(in, from->offset, out, to->offset, &len);
    if (err)
        return err;
    struct file_copy request = {.in = in,
                                .out = out,
                                .from = from->offset,
                                .to = to->offset,
                                .len = min(len, MAX_RW_COUNT)};
    ssize_t done = copy(&request);
    if (done <= 0)
        return done;
    err = place_put(from, in, request.from);
    int failed = place_put(to, out, request.to);
    return err || failed ? -EFAULT : done;
}

static ssize_t copy_range_to(struct file *in, struct place *from, int out_fd, struct place *to,
                             size_t len, unsigned flags)
{
    struct file *out = io_file_from_fd(out_fd);

    if (!out)
        return -EBADF;
    ssize_t done = place_get(from, in);
    if (!done)
        done = place_get(to, out);
    if (!done)
        done = flags ? -EINVAL : copy_range(in, from, out, to, len);
    file_put(out);
    return done;
}

SYSCALL6(sys_copy_file_range, int, in_fd, int64_t __user *, in_offset, int, out_fd,
         int64_t __user *, out_offset, size_t, len, unsigned, flags)
{
    struct place from = {.passed = in_offset}, to = {.passed = out_offset};
    struct file *in = io_file_from_fd(in_fd);

    if (!in)
        return -EBADF;
    ssize_t done = copy_range_to(in, &from, out_fd, &to, len, flags);
    file_put(in);
    return done;
}
