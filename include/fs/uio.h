/* The memory that a transfer moves bytes to or from: user or kernel memory, in one segment or
   several. So one read function of a file serves read, readv, pread and the kernel itself.

   A transfer advances the uio by the bytes that it moved. An access of user memory may fault, so
   the rules of vm/usercopy.h hold. Lock: none, because a uio belongs to one thread. */
#pragma once

#include <linux/uio.h>
#include <lib/base.h>

struct readahead;

struct uio {
    const struct iovec *segment; /* the current one; the others follow it in memory */
    size_t skip;                 /* bytes of the current segment that are done */
    size_t left;                 /* bytes still to move, over all segments */
    uint64_t size_limit; /* bytes to which a write may make a regular file grow; ~0ul: no limit */
    bool over_limit;     /* set by a write that begins at size_limit or behind: SIGXFSZ is due */
    bool kernel;         /* the segments are kernel memory */
    bool broken;         /* set by a write to a pipe without readers: SIGPIPE is due */
    struct readahead *reader; /* of the open file that is read; or NULL */
    struct iovec single;      /* the segment of a uio that has only one */
};

/* Makes a uio of one segment of user memory, or of kernel memory. */
void uio_init_user(struct uio *uio, const void __user *buf, size_t len);
void uio_init_kernel(struct uio *uio, const void *buf, size_t len);

/* Makes a uio of several segments of user memory, of which the first `len` bytes are to be moved.
   The array is kernel memory, and must outlive the uio. */
void uio_init_iov(struct uio *uio, const struct iovec *iov, size_t len);

/* Moves min(len, left) bytes: uio_put into the uio's memory, uio_put_zeros zeros into it, uio_get
   out of it. Returns how many were moved; fewer mean that user memory could not be accessed. May
   sleep. */
__must_check size_t uio_put(struct uio *uio, const void *from, size_t len);
__must_check size_t uio_put_zeros(struct uio *uio, size_t len);
__must_check size_t uio_get(struct uio *uio, void *to, size_t len);

/* Returns the result of a call that moved `done` bytes and then met `err` (0 or -errno). As on
   Linux, bytes that were moved hide the error. */
static inline ssize_t uio_result(size_t done, int err)
{
    return done ? (ssize_t)done : err;
}
