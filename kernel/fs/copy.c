/* Copying from one open file to another, for sendfile(2) and copy_file_range(2).

   A page of kernel memory stands between the two, so only one file is locked at a time, and both
   may be the same. What was read and could not be written is read again by the next call: the
   place in the file that is read advances by what has been written. */
#include <linux/errno.h>
#include <fs/copy.h>
#include <mm/frame.h>
#include <sched/thread.h>

/* Writes `len` bytes at the place in the file that is written. */
static ssize_t write_some(struct file_copy *copy, const void *bytes, size_t len)
{
    struct uio uio;

    uio_init_kernel(&uio, bytes, len);
    uio.size_limit = copy->size_limit;
    ssize_t done =
        copy->is_stream ? file_write(copy->out, &uio) : file_pwrite(copy->out, &uio, copy->to);
    copy->over_limit |= uio.over_limit;
    copy->broken |= uio.broken;
    if (done > 0)
        copy->to += done;
    return done;
}

/* Copies up to a page. Pages that are written as a whole need not be read first, so the parts end
   where pages do. Returns the bytes copied, 0 at the end of the file, or -errno. */
static ssize_t copy_some(struct file_copy *copy, void *page)
{
    size_t len = min(copy->len, copy->is_stream ? PAGE_SIZE : page_rest(copy->to));
    struct uio uio;

    uio_init_kernel(&uio, page, len);
    ssize_t done = file_pread(copy->in, &uio, copy->from);
    if (done > 0)
        done = write_some(copy, page, done);
    if (done > 0) {
        copy->from += done;
        copy->len -= done;
    }
    return done;
}

/* Returns false if `out` is a full pipe. As on Linux, only the first bytes wait for room. Else a
   program that reads the pipe itself would wait for ever. */
static bool pipe_has_room(const struct file_copy *copy)
{
    bool is_pipe = S_ISFIFO(copy->out->vnode->mode);

    return !is_pipe || (file_poll(copy->out) & (POLL_WRITABLE | POLLERR));
}

ssize_t file_copy(struct file_copy *copy)
{
    size_t all = copy->len;
    ssize_t done;

    if (all == 0)
        return 0;
    struct frame *frame = frame_alloc(FRAME_KERNEL);
    if (!frame)
        return -ENOMEM;
    do
        done = copy_some(copy, frame_to_virt(frame));
    while (done > 0 && copy->len > 0 && pipe_has_room(copy) && !thread_is_killed());
    frame_put(frame);
    return uio_result(all - copy->len, done);
}
