/* Pipes: a ring of bytes between those who write and those who read.

   `in` and `out` count all bytes that ever went in and out, so in - out are in the ring. User
   memory cannot be touched under a spinlock; so who moves bytes first claims his end of the ring
   (`reading`, `writing`), then copies without a lock, and then counts and lets go. While an end is
   claimed

   - the bytes in [out, in) are the reader's: a writer only adds behind `in`;
   - the free bytes are the writer's: a reader only takes away before `out`;

   so the two never meet, and each sees at worst too little of what the other has done. Nobody
   sleeps interruptibly with a claim, except in the copy's own page faults, which end by themselves;
   who waits for a claim waits like one who waits for bytes.

   Always true: in - out <= PIPE_SIZE; a page behind [out, in) exists.
   Locks: `lock` (RANK_PIPE) guards the counts and the claims; a page pointer is its writer's. */
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
    struct waitq changed;    /* whatever changes below: wait here */
    uint64_t in, out;        /* (lock) bytes since the pipe was made */
    bool reading, writing;   /* (lock) the claims */
    unsigned readers;        /* (lock) open files that read */
    unsigned writers;        /* (lock) open files that write */
    char *pages[PIPE_PAGES]; /* the ring; on the heap, from their first use on */
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

/* Lets everybody look again; the lock is held, and given back. */
static void changed_unlock(struct pipe *pipe)
{
    waitq_wake_all(&pipe->changed);
    spin_unlock(&pipe->lock);
    poll_notify();
}

/* Claims the reading end when there are bytes: how many; 0: no writer is left, nothing claimed. */
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

/* Copies up to `len` bytes from `out` on; the reading end is claimed. */
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

/* Claims the writing end when `wanted` bytes are free: how many are. */
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

/* The page for byte number `n`; the writing end is claimed. NULL: no memory. */
static char *page_for_write(struct pipe *pipe, uint64_t n)
{
    char **page = pipe_page(pipe, n);

    if (!*page)
        *page = heap_alloc(PAGE_SIZE);
    return *page;
}

/* Copies up to `len` bytes to `in`; the writing end is claimed. */
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

/* One claim's worth: what fits, but at least `wanted` bytes at once. */
static size_t write_piece(struct pipe *pipe, struct uio *uio, size_t wanted, bool nonblock,
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

/* What is no longer than PIPE_BUF goes in as a whole, unless it cannot be read as a whole. */
static ssize_t pipe_write(struct file *file, struct uio *uio, uint64_t offset __unused)
{
    size_t wanted = uio->left <= PIPE_BUF ? uio->left : 1, done = 0;
    int err = 0;

    while (uio->left > 0 && !err)
        done += write_piece(pipe_of(file), uio, wanted, file_is_nonblocking(file), &err);
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
