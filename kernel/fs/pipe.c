/* Pipes and FIFOs: bytes on their way from writers to readers, in buffers of a page: 16, unless
   F_SETPIPE_SZ has changed their number.

   pipe(2) makes a vnode without a name, and opens it twice. A FIFO is a vnode with a name, which
   its file system keeps. Either has a struct pipe while it is open, and loses it, with all bytes,
   when its last open file is closed.

       writers  ->  [ last buffer ] ... [ first buffer ]  ->  readers

   A write adds a buffer for each page of its bytes; but the bytes that fill no page go into the
   last buffer, if all of them fit there. A read takes bytes from the first buffer. So a write of
   up to PIPE_BUF bytes is one piece, and is never mixed with others. All is as on Linux, because
   programs can see it: what fits, and what is left of a transfer whose memory ends.

   A transfer moves its part of a buffer whole or not at all. If the caller's memory cannot be
   accessed, that buffer stays as it was.

   Locks: (m) the vnode's lock (RANK_VNODE): one transfer at a time, which may fault meanwhile;
   (p) pipe.lock (RANK_PIPE), under which threads wait. A field marked with both is changed under
   both, and read under either. No thread waits for bytes, room or another open with (m) held. */
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <asm/ioctls.h>
#include <arch/page.h>
#include <fs/pipe.h>
#include <lib/panic.h>
#include <lib/printf.h>
#include <mm/heap.h>
#include <sched/poll.h>
#include <vm/usercopy.h>

#define PIPE_BUFFERS     16u
#define PIPE_BUFFERS_MAX ((1u << 20) / PAGE_SIZE) /* Linux's pipe-max-size */

struct pipe_buffer {
    char *page;          /* (m) on the heap; allocated on first use */
    unsigned start, len; /* (m) (p) the bytes in it */
};

struct pipe {
    struct spinlock lock;
    struct waitq changed;                /* (p) signalled when a wait may be over */
    struct poll_source polled;           /* its watches; sched/poll.h */
    struct pipe_buffer *buffers;         /* (m) (p) a ring, on the heap */
    unsigned capacity;                   /* (m) (p) the number of buffers */
    unsigned first, count;               /* (m) (p) those that hold bytes */
    unsigned readers, writers;           /* (p) open files; a file may be both */
    unsigned reader_opens, writer_opens; /* (p) how many there have been */
    unsigned files;                      /* (m) open files, and opens that wait */
};

static struct filesystem pipefs = {.name = "pipefs", .dev = 2, .magic = PIPEFS_MAGIC};

/* Returns the pipe of an open file. */
static struct pipe *pipe_of(const struct file *file)
{
    return file->vnode->pipe;
}

static bool is_fifo(const struct vnode *vnode)
{
    return vnode->fs != &pipefs;
}

/* Wakes all waiters, and tells pollers of the events. The lock is held, and is released. */
static void changed_unlock(struct pipe *pipe, unsigned events)
{
    waitq_wake_all(&pipe->changed);
    spin_unlock(&pipe->lock);
    poll_notify(&pipe->polled, events);
}

static void notify(struct pipe *pipe, unsigned events)
{
    spin_lock(&pipe->lock);
    changed_unlock(pipe, events);
}

/* ---- Reading ---- */

/* Removes `len` bytes from the first buffer. */
static void drop_bytes(struct pipe *pipe, size_t len)
{
    struct pipe_buffer *buffer = &pipe->buffers[pipe->first];

    spin_lock(&pipe->lock);
    buffer->start += len;
    buffer->len -= len;
    if (buffer->len == 0) {
        pipe->first = (pipe->first + 1) % pipe->capacity;
        pipe->count--;
    }
    spin_unlock(&pipe->lock);
}

/* Moves what there is, up to the first buffer that the caller's memory does not take. Returns the
   number of bytes; 0 if the pipe is empty; -EFAULT. The vnode's lock is held. */
static ssize_t move_out(struct pipe *pipe, struct uio *uio)
{
    bool was_full = pipe->count == pipe->capacity;
    size_t done = 0;
    int err = 0;

    while (uio->left > 0 && pipe->count > 0 && !err) {
        const struct pipe_buffer *buffer = &pipe->buffers[pipe->first];
        size_t len = min((size_t)buffer->len, uio->left);

        if (uio_put(uio, buffer->page + buffer->start, len) < len) {
            err = -EFAULT;
        } else {
            drop_bytes(pipe, len);
            done += len;
        }
    }
    if (done)
        notify(pipe, was_full ? POLL_WRITABLE : 0);
    return uio_result(done, err);
}

/* Waits for bytes. Returns 1 if there are some; 0 if the pipe is empty and has no writer; -EAGAIN;
   -EINTR. */
static int wait_for_bytes(struct pipe *pipe, bool nonblock)
{
    int err = 0;

    spin_lock(&pipe->lock);
    while (pipe->count == 0 && pipe->writers > 0 && !err)
        err = nonblock ? -EAGAIN : waitq_sleep(&pipe->changed, &pipe->lock);
    int result = err ? err : pipe->count > 0;
    spin_unlock(&pipe->lock);
    return result;
}

static ssize_t pipe_read(struct file *file, struct uio *uio, uint64_t offset __unused)
{
    struct pipe *pipe = pipe_of(file);
    ssize_t done;
    int more;

    if (uio->left == 0)
        return 0;
    do {
        int err = mutex_lock_killable(&file->vnode->lock);
        if (err)
            return err;
        done = move_out(pipe, uio);
        mutex_unlock(&file->vnode->lock);
        more = done ? 0 : wait_for_bytes(pipe, file_is_nonblocking(file));
    } while (more > 0);
    return done ? done : more;
}

/* ---- Writing; the vnode's lock is held ---- */

static bool has_readers(struct pipe *pipe)
{
    spin_lock(&pipe->lock);
    bool result = pipe->readers > 0;
    spin_unlock(&pipe->lock);
    return result;
}

/* Adds the bytes that fill no page to the last buffer, if all of them fit there. */
static int add_odd_bytes(struct pipe *pipe, struct uio *uio)
{
    struct pipe_buffer *last = &pipe->buffers[(pipe->first + pipe->count - 1) % pipe->capacity];
    size_t len = uio->left % PAGE_SIZE, end = last->start + last->len;

    if (len == 0 || pipe->count == 0 || end + len > PAGE_SIZE)
        return 0;
    if (uio_get(uio, last->page + end, len) < len)
        return -EFAULT;
    spin_lock(&pipe->lock);
    last->len += len;
    spin_unlock(&pipe->lock);
    return 0;
}

/* Adds a buffer of up to a page. There is room for it. */
static int add_buffer(struct pipe *pipe, struct uio *uio)
{
    struct pipe_buffer *buffer = &pipe->buffers[(pipe->first + pipe->count) % pipe->capacity];
    size_t len = min(uio->left, PAGE_SIZE);

    if (!buffer->page)
        buffer->page = heap_alloc(PAGE_SIZE);
    if (!buffer->page)
        return -ENOMEM;
    if (uio_get(uio, buffer->page, len) < len)
        return -EFAULT;
    spin_lock(&pipe->lock);
    buffer->start = 0;
    buffer->len = len;
    pipe->count++;
    spin_unlock(&pipe->lock);
    return 0;
}

enum write_round { WRITE_FIRST, WRITE_AGAIN };

/* Adds what fits. Returns the number of bytes, and sets *err if that ends the write. */
static size_t move_in(struct pipe *pipe, struct uio *uio, enum write_round round, int *err)
{
    size_t done = 0, left = uio->left;

    if (!has_readers(pipe))
        *err = -EPIPE;
    else if (round == WRITE_FIRST)
        *err = add_odd_bytes(pipe, uio);
    while (!*err) {
        done += left - uio->left;
        left = uio->left;
        if (left == 0 || pipe->count == pipe->capacity)
            break;
        *err = add_buffer(pipe, uio);
    }
    if (done)
        notify(pipe, POLL_READABLE);
    return done;
}

/* Waits until there is room for a buffer, or no reader. -EAGAIN, -EINTR. */
static int wait_for_room(struct pipe *pipe, bool nonblock)
{
    int err = 0;

    spin_lock(&pipe->lock);
    while (pipe->count == pipe->capacity && pipe->readers > 0 && !err)
        err = nonblock ? -EAGAIN : waitq_sleep(&pipe->changed, &pipe->lock);
    spin_unlock(&pipe->lock);
    return err;
}

static ssize_t pipe_write(struct file *file, struct uio *uio, uint64_t offset __unused)
{
    struct pipe *pipe = pipe_of(file);
    enum write_round round = WRITE_FIRST;
    size_t wanted = uio->left, done = 0;
    int err = 0;

    while (done < wanted && !err) {
        err = mutex_lock_killable(&file->vnode->lock);
        if (err)
            break;
        done += move_in(pipe, uio, round, &err);
        mutex_unlock(&file->vnode->lock);
        if (done < wanted && !err)
            err = wait_for_room(pipe, file_is_nonblocking(file));
        round = WRITE_AGAIN;
    }
    if (done > 0 && is_fifo(file->vnode))
        vnode_touch(file->vnode);
    uio->broken = err == -EPIPE;
    return uio_result(done, err);
}

/* ---- poll and ioctl ---- */

/* Returns how many writers had come before a file was opened for reading without waiting for one,
   or else 0. Until another one comes, the absence of writers is no end. */
static unsigned writers_at_open(const struct file *file)
{
    return (unsigned)(uintptr_t)file->data;
}

static unsigned read_events(const struct file *file, const struct pipe *pipe)
{
    bool at_end = pipe->writers == 0 && writers_at_open(file) != pipe->writer_opens;

    return (pipe->count ? POLL_READABLE : 0) | (at_end ? POLLHUP : 0);
}

static unsigned write_events(const struct pipe *pipe)
{
    return (pipe->count < pipe->capacity ? POLL_WRITABLE : 0) | (pipe->readers ? 0 : POLLERR);
}

static unsigned pipe_poll(struct file *file)
{
    struct pipe *pipe = pipe_of(file);

    spin_lock(&pipe->lock);
    unsigned events = (file_may_read(file) ? read_events(file, pipe) : 0) |
                      (file_may_write(file) ? write_events(pipe) : 0);
    spin_unlock(&pipe->lock);
    return events;
}

static struct poll_source *pipe_poll_source(struct file *file)
{
    return &pipe_of(file)->polled;
}

static int pipe_ioctl(struct file *file, unsigned request, uaddr_t arg)
{
    struct pipe *pipe = pipe_of(file);
    int n = 0;

    if (request != FIONREAD)
        return -ENOTTY;
    spin_lock(&pipe->lock);
    for (unsigned i = 0; i < pipe->count; i++)
        n += pipe->buffers[(pipe->first + i) % pipe->capacity].len;
    spin_unlock(&pipe->lock);
    return put_user((int __user *)arg, &n);
}

/* ---- Opening and closing ---- */

/* Makes an empty pipe. Returns NULL if memory is out. */
static struct pipe *pipe_make(void)
{
    struct pipe *pipe = heap_alloc_zeroed(sizeof(*pipe));
    struct pipe_buffer *buffers = heap_alloc_zeroed(PIPE_BUFFERS * sizeof(*buffers));

    if (!pipe || !buffers) {
        heap_free(pipe);
        heap_free(buffers);
        return NULL;
    }
    spin_init(&pipe->lock, RANK_PIPE);
    waitq_init(&pipe->changed);
    poll_source_init(&pipe->polled);
    pipe->buffers = buffers;
    pipe->capacity = PIPE_BUFFERS;
    return pipe;
}

/* Counts an open file of the pipe, and makes the pipe if it is the first. -ENOMEM. */
static int pipe_get(struct vnode *vnode)
{
    int err = 0;

    mutex_lock(&vnode->lock);
    if (!vnode->pipe)
        vnode->pipe = pipe_make();
    if (vnode->pipe)
        vnode->pipe->files++;
    else
        err = -ENOMEM;
    mutex_unlock(&vnode->lock);
    return err;
}

static void free_buffers(struct pipe_buffer *buffers, unsigned capacity)
{
    for (unsigned i = 0; i < capacity; i++)
        heap_free(buffers[i].page);
    heap_free(buffers);
}

/* Takes a file from the count. The last one frees the pipe with the bytes in it. */
static void pipe_put(struct vnode *vnode)
{
    mutex_lock(&vnode->lock);
    struct pipe *pipe = vnode->pipe;
    bool is_last = --pipe->files == 0;
    if (is_last)
        vnode->pipe = NULL;
    mutex_unlock(&vnode->lock);

    if (!is_last)
        return;
    assert(pipe->readers == 0 && pipe->writers == 0 && TAILQ_EMPTY(&pipe->polled.watches));
    free_buffers(pipe->buffers, pipe->capacity);
    heap_free(pipe);
}

/* Counts the ends that the file opens, and wakes opens that wait for them. The lock is held. */
static void join_ends(struct file *file, struct pipe *pipe)
{
    bool reads = file_may_read(file), writes = file_may_write(file);

    if (reads && !writes && pipe->writers == 0 && file_is_nonblocking(file))
        file->data = (void *)(uintptr_t)pipe->writer_opens;
    pipe->readers += reads;
    pipe->reader_opens += reads;
    pipe->writers += writes;
    pipe->writer_opens += writes;
    waitq_wake_all(&pipe->changed);
}

/* Takes the ends of the file from the counts. */
static void leave_ends(const struct file *file, struct pipe *pipe)
{
    spin_lock(&pipe->lock);
    pipe->readers -= file_may_read(file);
    pipe->writers -= file_may_write(file);
    changed_unlock(pipe, POLL_ANY);
}

/* Waits until the other end is open, or has been meanwhile. The lock is held. -EINTR. */
static int wait_for_partner(struct pipe *pipe, const unsigned *partners, const unsigned *opens)
{
    unsigned seen = *opens;
    int err = 0;

    while (*partners == 0 && *opens == seen && !err)
        err = waitq_sleep(&pipe->changed, &pipe->lock);
    return err;
}

/* Opens the ends of a FIFO that the file asks for. A file for both waits for no other. -EINTR;
   -ENXIO: there is no reader, and the file does not wait for one. */
static int fifo_join(struct file *file, struct pipe *pipe)
{
    bool reads = file_may_read(file), writes = file_may_write(file);
    bool nonblock = file_is_nonblocking(file);
    int err = 0;

    spin_lock(&pipe->lock);
    if (!reads && nonblock && pipe->readers == 0) {
        spin_unlock(&pipe->lock);
        return -ENXIO;
    }
    join_ends(file, pipe);
    if (!writes && !nonblock)
        err = wait_for_partner(pipe, &pipe->writers, &pipe->writer_opens);
    else if (!reads)
        err = wait_for_partner(pipe, &pipe->readers, &pipe->reader_opens);
    spin_unlock(&pipe->lock);
    if (err)
        leave_ends(file, pipe);
    else
        poll_notify(&pipe->polled, POLL_ANY);
    return err;
}

static int pipe_open(struct file *file)
{
    int err = pipe_get(file->vnode);

    if (err)
        return err;
    struct pipe *pipe = pipe_of(file);
    if (is_fifo(file->vnode)) {
        err = fifo_join(file, pipe);
    } else {
        spin_lock(&pipe->lock);
        join_ends(file, pipe);
        spin_unlock(&pipe->lock);
    }
    if (err)
        pipe_put(file->vnode);
    return err;
}

static void pipe_close(struct file *file)
{
    leave_ends(file, pipe_of(file));
    pipe_put(file->vnode);
}

const struct file_ops pipe_file_ops = {
    .open = pipe_open,
    .close = pipe_close,
    .read = pipe_read,
    .write = pipe_write,
    .ioctl = pipe_ioctl,
    .poll = pipe_poll,
    .poll_source = pipe_poll_source,
};

/* ---- pipe(2) ---- */

static void pipe_free(struct vnode *vnode)
{
    assert(!vnode->pipe);
    heap_free(vnode);
}

static const struct vnode_ops pipe_ops = {.free = pipe_free};

static int name_pipe(struct vnode *vnode)
{
    char name[32];

    snprintf(name, sizeof(name), "pipe:[%lu]", vnode->ino);
    return vnode_place(vnode, NULL, name);
}

static int pipe_vnode_create(struct vnode **result)
{
    struct vnode *vnode = heap_alloc_zeroed(sizeof(*vnode));

    if (!vnode)
        return -ENOMEM;
    vnode_init(vnode, &pipefs, S_IFIFO | 0600);
    vnode->ops = &pipe_ops;
    vnode->file_ops = &pipe_file_ops;
    vnode->ino = atomic_add_fetch(&pipefs.next_ino, 1);
    int err = name_pipe(vnode);
    if (err) {
        vnode_put(vnode);
        return err;
    }
    *result = vnode;
    return 0;
}

static int open_end(struct vnode *vnode, unsigned flags, struct file **file)
{
    *file = file_alloc(flags);
    if (!*file)
        return -ENOMEM;
    vnode_get(vnode);
    int err = file_open(*file, vnode);
    if (err)
        file_put(*file);
    return err;
}

int pipe_create(unsigned flags, struct file **reader, struct file **writer)
{
    struct vnode *vnode;
    int err = pipe_vnode_create(&vnode);

    if (err)
        return err;
    err = open_end(vnode, flags | O_RDONLY, reader);
    if (!err) {
        err = open_end(vnode, flags | O_WRONLY, writer);
        if (err)
            file_put(*reader);
    }
    vnode_put(vnode);
    return err;
}

/* ---- The size ---- */

int pipe_size(const struct file *file)
{
    if (file->ops != &pipe_file_ops)
        return -EBADF;
    struct pipe *pipe = pipe_of(file);
    spin_lock(&pipe->lock);
    int size = pipe->capacity * PAGE_SIZE;
    spin_unlock(&pipe->lock);
    return size;
}

/* Gives the pipe another ring, and moves the buffers that hold bytes to its begin. -ENOMEM. The
   vnode's lock is held. */
static int change_ring(struct pipe *pipe, unsigned capacity)
{
    struct pipe_buffer *buffers = heap_alloc_zeroed(capacity * sizeof(*buffers));
    struct pipe_buffer *old_buffers = pipe->buffers;
    unsigned old_capacity = pipe->capacity;

    if (!buffers)
        return -ENOMEM;
    for (unsigned i = 0; i < pipe->count; i++) {
        struct pipe_buffer *from = &old_buffers[(pipe->first + i) % old_capacity];

        buffers[i] = *from;
        from->page = NULL;
    }
    spin_lock(&pipe->lock);
    pipe->buffers = buffers;
    pipe->capacity = capacity;
    pipe->first = 0;
    changed_unlock(pipe, POLL_ANY);
    free_buffers(old_buffers, old_capacity);
    return 0;
}

/* Returns the number of buffers for so many bytes: a power of two. */
static unsigned buffers_for(uint64_t bytes)
{
    unsigned count = 1;

    while (count * PAGE_SIZE < bytes)
        count *= 2;
    return count;
}

int pipe_set_size(const struct file *file, uint64_t bytes)
{
    if (file->ops != &pipe_file_ops)
        return -EBADF;
    if ((unsigned)bytes > 1u << 31) /* as on Linux, which takes an unsigned int */
        return -EINVAL;
    unsigned capacity = buffers_for((unsigned)bytes);
    if (capacity > PIPE_BUFFERS_MAX)
        return -EPERM;
    mutex_lock(&file->vnode->lock);
    struct pipe *pipe = pipe_of(file);
    int err = capacity < pipe->count ? -EBUSY : change_ring(pipe, capacity);
    mutex_unlock(&file->vnode->lock);
    return err ? err : (int)(capacity * PAGE_SIZE);
}
