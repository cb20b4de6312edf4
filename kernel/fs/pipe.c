/* Pipes: a ring of bytes between writers and readers.

   `in` and `out` count all bytes that ever went in and out, so in - out bytes are in the ring. User
   memory cannot be accessed under a spinlock. So a thread that moves bytes first claims its end of
   the ring (`reading`, `writing`), copies without the lock, then updates the count and releases the
   claim. Meanwhile the bytes in [out, in) belong to the reader, because a writer only adds behind
   `in`. The free bytes belong to the writer, because a reader only removes before `out`.

   So the two never touch the same byte; each may see the other's count late, and moves less. A
   thread with a claim does not sleep interruptibly. A thread that waits for a claim waits as one
   that waits for bytes.

   Always true: in - out <= PIPE_SIZE; the page of each byte in [out, in) exists.

   Locks: `lock` (RANK_PIPE) guards the counts and the claims; a page pointer is the writer's. */
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <linux/poll.h>
#include <asm/ioctls.h>
#include <arch/page.h>
#include <fs/pipe.h>
#include <lib/panic.h>
#include <lib/printf.h>
#include <mm/heap.h>
#include <sched/poll.h>
#include <vm/usercopy.h>

#define PIPE_PAGES 16u
#define PIPE_SIZE  (PIPE_PAGES * PAGE_SIZE)

struct pipe {
    struct vnode vnode;
    struct spinlock lock;
    struct waitq changed;    /* signalled at every change of the fields below */
    uint64_t in, out;        /* (lock) bytes since the pipe was made */
    bool reading, writing;   /* (lock) an end is claimed */
    unsigned readers;        /* (lock) open files for reading */
    unsigned writers;        /* (lock) open files for writing */
    char *pages[PIPE_PAGES]; /* the ring; allocated on first use */
};

static struct filesystem pipefs = {.name = "pipefs", .dev = 2, .magic = PIPEFS_MAGIC};

static struct pipe *pipe_of(const struct file *file)
{
    return container_of(file->vnode, struct pipe, vnode);
}

static size_t used(const struct pipe *pipe)
{
    return pipe->in - pipe->out;
}

/* Returns the slot of the page in which byte number `n` lies. */
static char **pipe_page(struct pipe *pipe, uint64_t n)
{
    return &pipe->pages[n / PAGE_SIZE % PIPE_PAGES];
}

/* Wakes all waiters and pollers. The lock is held, and is released. */
static void changed_unlock(struct pipe *pipe)
{
    waitq_wake_all(&pipe->changed);
    spin_unlock(&pipe->lock);
    poll_notify();
}

/* Waits for bytes and claims the reading end. Returns the number of bytes; 0 without a claim if the
   pipe is empty and has no writer. */
static ssize_t claim_bytes(struct pipe *pipe, bool nonblock)
{
    ssize_t n = 0;

    spin_lock(&pipe->lock);
    while (pipe->reading || (used(pipe) == 0 && pipe->writers > 0)) {
        n = nonblock ? -EAGAIN : waitq_sleep(&pipe->changed, &pipe->lock);
        if (n < 0)
            break;
    }
    if (n == 0) {
        n = used(pipe);
        pipe->reading = n > 0;
    }
    spin_unlock(&pipe->lock);
    return n;
}

/* Copies up to `len` bytes from `out` on. The reading end is claimed. */
static size_t copy_out(struct pipe *pipe, struct uio *uio, size_t len)
{
    size_t done = 0;

    len = min(len, uio->left);
    while (done < len) {
        uint64_t at = pipe->out + done;
        size_t here = min(len - done, page_rest(at));
        size_t moved = uio_put(uio, *pipe_page(pipe, at) + at % PAGE_SIZE, here);

        done += moved;
        if (moved < here)
            break;
    }
    return done;
}

static ssize_t pipe_read(struct file *file, struct uio *uio, uint64_t offset __unused)
{
    struct pipe *pipe = pipe_of(file);

    if (uio->left == 0)
        return 0;
    ssize_t n = claim_bytes(pipe, file_is_nonblocking(file));
    if (n <= 0)
        return n;
    size_t done = copy_out(pipe, uio, n);

    spin_lock(&pipe->lock);
    pipe->out += done;
    pipe->reading = false;
    changed_unlock(pipe);
    return uio_result(done, -EFAULT);
}

/* Waits until `wanted` bytes are free and claims the writing end. Returns the number of free
   bytes. */
static ssize_t claim_room(struct pipe *pipe, size_t wanted, bool nonblock)
{
    ssize_t n = 0;

    spin_lock(&pipe->lock);
    while (pipe->readers > 0 && (pipe->writing || PIPE_SIZE - used(pipe) < wanted)) {
        n = nonblock ? -EAGAIN : waitq_sleep(&pipe->changed, &pipe->lock);
        if (n < 0)
            break;
    }
    if (pipe->readers == 0) {
        n = -EPIPE;
    } else if (n == 0) {
        n = PIPE_SIZE - used(pipe);
        pipe->writing = true;
    }
    spin_unlock(&pipe->lock);
    return n;
}

/* Returns the page for byte number `n`, or NULL: no memory. The writing end is claimed. */
static char *page_for_write(struct pipe *pipe, uint64_t n)
{
    char **page = pipe_page(pipe, n);

    if (!*page)
        *page = heap_alloc(PAGE_SIZE);
    return *page;
}

/* Copies up to `len` bytes to the ring at `in`. The writing end is claimed. */
static size_t copy_in(struct pipe *pipe, struct uio *uio, size_t len, int *err)
{
    size_t done = 0;

    len = min(len, uio->left);
    while (done < len && !*err) {
        uint64_t at = pipe->in + done;
        size_t here = min(len - done, page_rest(at));
        char *page = page_for_write(pipe, at);
        size_t moved = page ? uio_get(uio, page + at % PAGE_SIZE, here) : 0;

        done += moved;
        if (moved < here)
            *err = page ? -EFAULT : -ENOMEM;
    }
    return done;
}

/* Writes what fits, once `wanted` bytes are free. */
static size_t write_chunk(struct pipe *pipe, struct uio *uio, size_t wanted, bool nonblock,
                          int *err)
{
    ssize_t room = claim_room(pipe, wanted, nonblock);

    if (room < 0) {
        *err = room;
        return 0;
    }
    size_t done = copy_in(pipe, uio, room, err);

    spin_lock(&pipe->lock);
    pipe->in += done;
    pipe->writing = false;
    changed_unlock(pipe);
    return done;
}

/* A write of at most PIPE_BUF bytes is atomic, unless its buffer cannot be read. */
static ssize_t pipe_write(struct file *file, struct uio *uio, uint64_t offset __unused)
{
    size_t wanted = uio->left <= PIPE_BUF ? uio->left : 1, done = 0;
    int err = 0;

    while (uio->left > 0 && !err)
        done += write_chunk(pipe_of(file), uio, wanted, file_is_nonblocking(file), &err);
    uio->broken = err == -EPIPE;
    return uio_result(done, err);
}

static unsigned read_events(const struct pipe *pipe)
{
    return (used(pipe) ? POLLIN : 0) | (pipe->writers ? 0 : POLLHUP);
}

static unsigned write_events(const struct pipe *pipe)
{
    bool has_room = PIPE_SIZE - used(pipe) >= PIPE_BUF;

    return (has_room ? POLLOUT : 0) | (pipe->readers ? 0 : POLLERR);
}

static unsigned pipe_poll(struct file *file)
{
    struct pipe *pipe = pipe_of(file);

    spin_lock(&pipe->lock);
    unsigned events = file_may_read(file) ? read_events(pipe) : write_events(pipe);
    spin_unlock(&pipe->lock);
    return events;
}

static int pipe_ioctl(struct file *file, unsigned request, uaddr_t arg)
{
    struct pipe *pipe = pipe_of(file);

    if (request != FIONREAD)
        return -ENOTTY;
    spin_lock(&pipe->lock);
    int n = used(pipe);
    spin_unlock(&pipe->lock);
    return put_user((int __user *)arg, &n);
}

static unsigned *end_count(struct file *file)
{
    return file_may_read(file) ? &pipe_of(file)->readers : &pipe_of(file)->writers;
}

static int pipe_open(struct file *file)
{
    struct pipe *pipe = pipe_of(file);

    spin_lock(&pipe->lock);
    ++*end_count(file);
    spin_unlock(&pipe->lock);
    return 0;
}

static void pipe_close(struct file *file)
{
    struct pipe *pipe = pipe_of(file);

    spin_lock(&pipe->lock);
    --*end_count(file);
    changed_unlock(pipe);
}

static const struct file_ops pipe_file_ops = {
    .open = pipe_open,
    .close = pipe_close,
    .read = pipe_read,
    .write = pipe_write,
    .ioctl = pipe_ioctl,
    .poll = pipe_poll,
};

static void pipe_free(struct vnode *vnode)
{
    struct pipe *pipe = container_of(vnode, struct pipe, vnode);

    assert(pipe->readers == 0 && pipe->writers == 0);
    for (unsigned i = 0; i < PIPE_PAGES; i++)
        heap_free(pipe->pages[i]);
    heap_free(pipe);
}

static const struct vnode_ops pipe_ops = {.free = pipe_free};

static int name_pipe(struct vnode *vnode)
{
    char name[32];

    snprintf(name, sizeof(name), "pipe:[%lu]", vnode->ino);
    return vnode_place(vnode, NULL, name);
}

static int pipe_vnode_create(struct vnode **vnode)
{
    struct pipe *pipe = heap_alloc_zeroed(sizeof(*pipe));

    if (!pipe)
        return -ENOMEM;
    vnode_init(&pipe->vnode, &pipefs, S_IFIFO | 0600);
    pipe->vnode.ops = &pipe_ops;
    pipe->vnode.file_ops = &pipe_file_ops;
    pipe->vnode.ino = atomic_add_fetch(&pipefs.next_ino, 1);
    spin_init(&pipe->lock, RANK_PIPE);
    waitq_init(&pipe->changed);
    int err = name_pipe(&pipe->vnode);
    if (err) {
        vnode_put(&pipe->vnode);
        return err;
    }
    *vnode = &pipe->vnode;
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

int pipe_size(const struct file *file)
{
    return file->ops == &pipe_file_ops ? (int)PIPE_SIZE : -EBADF;
}
