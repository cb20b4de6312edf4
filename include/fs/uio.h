/* A place in memory, a user's or the kernel's, in one piece or several, that bytes are moved to or
   from: so one read function of a file serves read, readv, pread and the kernel itself.

   The uio goes forward by what was moved. To touch user memory is to fault: the rules of
   vm/usercopy.h hold. Lock: none; it belongs to one thread. */
#pragma once

#include <linux/uio.h>
#include <lib/base.h>

struct uio {
    const struct iovec *pieces; /* the piece to go on with */
    size_t skip;                /* bytes of it that are done */
    size_t left;                /* bytes not yet done, over all pieces */
    bool kernel;                /* the pieces are kernel memory */
    bool broken;                /* set by a stream that nobody reads any more: SIGPIPE is due */
    struct iovec single;        /* the only piece, where there is but one */
};

/* One piece of user or of kernel memory. */
void uio_init_user(struct uio *uio, const void __user *buf, size_t len);
void uio_init_kernel(struct uio *uio, const void *buf, size_t len);

/* Several pieces of user memory, `len` bytes in all (the last pieces may hold more); `pieces` stays
   the caller's, in kernel memory. */
void uio_init_pieces(struct uio *uio, const struct iovec *pieces, size_t len);

/* Moves up to `len` bytes (no more than are left) into the uio's memory, zeros into it, or out of
   it. Returns how many were moved; fewer only if user memory could not be touched. May sleep. */
__must_check size_t uio_put(struct uio *uio, const void *from, size_t len);
__must_check size_t uio_put_zeros(struct uio *uio, size_t len);
__must_check size_t uio_get(struct uio *uio, void *to, size_t len);

/* What a call that moved `done` bytes and then met `err` (0 or -errno) returns, as Linux does it:
   the bytes, if any. */
static inline ssize_t uio_result(size_t done, int err)
{
    return done ? (ssize_t)done : err;
}
