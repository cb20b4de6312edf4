/* An open file: open(2) makes it, and one or, after dup and fork, several descriptors refer to it.

   Locks: (l) the vnode's lock; (a) atomic; (c) constant. */
#pragma once

#include <linux/fcntl.h>
#include <fs/readahead.h>
#include <fs/uio.h>
#include <fs/vnode.h>
#include <sched/poll.h>
#include <vm/pager.h>

struct epoll_item;

struct file {
    struct vnode *vnode;        /* (c) one reference; NULL until it is opened */
    const struct file_ops *ops; /* (c) the vnode's file_ops */
    unsigned refs;              /* (a) descriptors and callers */
    unsigned flags;             /* (a) O_ flags; O_ACCMODE and O_PATH constant */
    uint64_t offset; /* (l), or (a) if !ops->locked: bytes, or the cookie of a directory entry */
    unsigned flock;  /* LOCK_SH or LOCK_EX; 0: none. filelock.c guards it */
    unsigned errors_seen; /* (a) failed write-backs of the vnode that fsync(2) has reported here */
    struct readahead reader; /* (a) where it is read */
    void *data;              /* for the ops */

    LIST_HEAD(, epoll_item) epoll_items; /* (poll_lock) epolls that watch it */
    void (*forget)(struct file *file);   /* (a) called first at the end of the file, once an epoll
                                            has watched it; NULL: none has */
};

/* The operations of an open file. NULL: the file does not support the operation. */
struct file_ops {
    /* Called when the file is opened. If it fails, the open fails and `close` is not called. */
    int (*open)(struct file *file);

    /* Called after the last reference is dropped. No locks are held. */
    void (*close)(struct file *file);

    /* Transfer bytes from `offset` on, as many as the uio asks for and the file has. Return how
       many; 0 at the end of the file; -errno if none was moved. A stream ignores `offset`. The
       vnode's lock is held if `locked`. */
    ssize_t (*read)(struct file *file, struct uio *uio, uint64_t offset);
    ssize_t (*write)(struct file *file, struct uio *uio, uint64_t offset);

    /* Moves the offset, as lseek(2) does, and returns it. With this operation, offsets may be any
       64 bits. NULL: file_seek moves the offset, and keeps it in the range of off_t. */
    int64_t (*seek)(struct file *file, int64_t offset, unsigned whence);

    /* Serves a request of ioctl(2). Returns -ENOTTY if the file does not support the request. */
    int (*ioctl)(struct file *file, unsigned request, uaddr_t arg);

    /* Returns which of POLL_READABLE, POLL_WRITABLE, POLLHUP, POLLERR hold now. NULL: the file is
       always ready. */
    unsigned (*poll)(struct file *file);

    /* Returns the source that is told when the result of `poll` changes; it stays until `close`.
       Set if `poll` is. */
    struct poll_source *(*poll_source)(struct file *file);

    bool locked;   /* the vnode's lock makes a transfer and the change of the offset one step */
    bool seekable; /* the file has an offset */
    bool is_zeros; /* a private mapping of the file is anonymous memory */
};

/* Allocates a file that is to be opened with these flags, with one reference. The caller allocates
   it before any step that cannot be undone, such as the creation of a name. NULL: no memory. */
__must_check struct file *file_alloc(unsigned flags);

/* Makes `file` an open file of `vnode`, and takes over the reference on the vnode, also on failure.
   A regular file that may be written counts as a writer. Errors: -ETXTBSY, and those of ops->open;
   the file is not open then. */
__must_check int file_open(struct file *file, struct vnode *vnode);

void file_get(struct file *file);
void file_put(struct file *file);

static inline bool file_may_read(const struct file *file)
{
    return !(file->flags & O_PATH) && (file->flags & O_ACCMODE) != O_WRONLY;
}

static inline bool file_may_write(const struct file *file)
{
    return !(file->flags & O_PATH) && (file->flags & O_ACCMODE) != O_RDONLY;
}

static inline bool file_is_nonblocking(const struct file *file)
{
    return atomic_load_relaxed(&file->flags) & O_NONBLOCK;
}

/* Transfer at the file's offset, and advance it by what was moved. Errors: -EBADF (not open for
   that), -EINVAL (does not support it), -EISDIR, -ENOSPC, -EFBIG, -EAGAIN, -EINTR, -EFAULT; -EPIPE,
   for which the caller sends the signal. */
ssize_t file_read(struct file *file, struct uio *uio);
ssize_t file_write(struct file *file, struct uio *uio);

/* Returns true if the file has an offset: if it is a regular file, a directory, or a device of
   which bytes have places. */
bool file_has_offset(const struct file *file);

/* Transfer at `offset`, and leave the file's offset alone. O_APPEND writes at the end in any case.
   -ESPIPE: the file has no offset. */
ssize_t file_pread(struct file *file, struct uio *uio, uint64_t offset);
ssize_t file_pwrite(struct file *file, struct uio *uio, uint64_t offset);

/* Moves the offset, as lseek(2) does. Returns the new offset. Errors: -ESPIPE, -EINVAL, -ENXIO
   (no data there). */
int64_t file_seek(struct file *file, int64_t offset, unsigned whence);

/* Passes the entries of an open directory, from the file's offset on, to `emit`, until that returns
   something else than 0. The offset then is that of the entry which `emit` did not take. `emit` may
   access user memory. Errors: -ENOTDIR, -ENOENT (the directory is removed). */
__must_check int file_list(struct file *file, int (*emit)(const struct dir_entry *entry, void *arg),
                           void *arg);

/* Returns the POLL bits that hold now. */
unsigned file_poll(struct file *file);

/* Returns the source of the file's events, which stays while the caller has a reference on the
   file. NULL: the file is always ready. */
struct poll_source *file_poll_source(struct file *file);

/* Sets the size, as ftruncate(2) does. A file may not grow to more than `limit` bytes. Errors:
   -EINVAL, -EFBIG, -ENOMEM. */
__must_check int file_truncate(struct file *file, uint64_t size, uint64_t limit);

/* Writes the file's dirty pages in [start, end) bytes back, and what fsync(2) promises, or with
   SYNC_DATA fdatasync(2). A write-back that has failed earlier, in any thread, is reported here
   once to each open file. Errors: -EINVAL (the file has no place on a device), -EIO, -ENOSPC,
   -EINTR. */
__must_check int file_sync(struct file *file, uint64_t start, uint64_t end, enum vnode_sync how);

/* Finds the pager of this file's pages, for mmap. NULL: a private mapping of this file is anonymous
   memory. The pager comes without a reference, because vspace_map takes its own. Errors: -ENODEV
   (the file has no pages), -EACCES (not open for reading). */
__must_check int file_pager(struct file *file, struct pager **pager);
