/* An open file: what open(2) makes, and what descriptors (after dup and fork, several) refer to.

   Locks: (l) the vnode's lock; (a) atomic; (c) constant. */
#pragma once

#include <linux/fcntl.h>
#include <fs/uio.h>
#include <fs/vnode.h>
#include <vm/pager.h>

struct file {
    struct vnode *vnode;        /* (c) one reference; NULL: not yet open */
    const struct file_ops *ops; /* (c) the vnode's */
    unsigned refs;              /* (a) descriptors and callers */
    unsigned flags;             /* (a) O_ flags; O_ACCMODE and O_PATH constant */
    uint64_t offset;            /* (l), or (a) if !ops->locked: bytes; of a directory a cookie */
    void *data;                 /* the ops' own */
};

/* What can be done with an open file. A NULL operation is one that it does not have. */
struct file_ops {
    /* The open file is made. -errno: it cannot be; close is not called then. */
    int (*open)(struct file *file);

    /* The last reference is gone. No locks held. */
    void (*close)(struct file *file);

    /* Moves bytes from `offset` on, as many as uio asks for if they are there: how many; 0: the
       end; -errno: none was moved. Of a stream `offset` means nothing. The vnode's lock is held if
       `locked`. */
    ssize_t (*read)(struct file *file, struct uio *uio, uint64_t offset);
    ssize_t (*write)(struct file *file, struct uio *uio, uint64_t offset);

    /* -ENOTTY: not a request of this file. */
    int (*ioctl)(struct file *file, unsigned request, uaddr_t arg);

    /* Which of POLLIN, POLLOUT, POLLHUP, POLLERR are so now. NULL: always ready. */
    unsigned (*poll)(struct file *file);

    bool locked;   /* read and write run under the vnode's lock, in one step with the offset */
    bool seekable; /* it has an offset */
};

/* A file that is to be opened with these flags, with a reference; NULL: no memory. It is made before what cannot be
   undone, as the making of a new name. */
__must_check struct file *file_alloc(unsigned flags);

/* Opens it: it becomes one of `vnode`, whose reference it takes over (also on failure: then it is put). Counts as a
   writer if it may write. -ETXTBSY, or what ops->open says: it is not open then. */
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

/* At the file's offset, which moves on by what was moved. -EBADF: not open for that; -EINVAL:
   cannot be read or written; -EISDIR; -ENOSPC, -EFBIG, -EPIPE (the caller raises the signal),
   -EAGAIN, -EINTR, -EFAULT. */
ssize_t file_read(struct file *file, struct uio *uio);
ssize_t file_write(struct file *file, struct uio *uio);

/* At `offset`, the file's own staying where it is. -ESPIPE: it has none. O_APPEND writes at the end
   all the same. */
ssize_t file_pread(struct file *file, struct uio *uio, uint64_t offset);
ssize_t file_pwrite(struct file *file, struct uio *uio, uint64_t offset);

/* lseek(2): the new offset. -ESPIPE; -EINVAL; -ENXIO: no data there. */
int64_t file_seek(struct file *file, int64_t offset, unsigned whence);

/* Hands the entries of an open directory, from the file's offset on, to `emit`, until that returns
   something else than 0; the offset then is the entry's that it did not take. 0, -ENOTDIR, or
   -ENOENT: the directory is removed. `emit` may touch user memory. */
__must_check int file_list(struct file *file, int (*emit)(const struct dir_entry *entry, void *arg),
                           void *arg);

/* POLL bits that are so now. */
unsigned file_poll(struct file *file);

/* ftruncate(2). -EINVAL, -EFBIG, -ENOMEM. */
__must_check int file_truncate(struct file *file, uint64_t size);

/* Where mmap gets this file's pages, without a reference: vspace_map takes its own. -ENODEV: it has
   none; -EACCES: it is not open for reading. */
__must_check int file_pager(struct file *file, struct pager **pager);
