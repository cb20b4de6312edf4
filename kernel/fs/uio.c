/* Moving bytes between a kernel buffer and a uio, segment by segment. */
#include <fs/uio.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <vm/usercopy.h>

enum uio_move {
    UIO_PUT,
    UIO_PUT_ZEROS,
    UIO_GET,
};

void uio_init_user(struct uio *uio, const void __user *buf, size_t len)
{
    *uio = (struct uio){
        .left = len,
        .size_limit = UINT64_MAX,
        .single = {.iov_base = (__force void *)buf, .iov_len = len},
    };
    uio->segment = &uio->single;
}

void uio_init_kernel(struct uio *uio, const void *buf, size_t len)
{
    uio_init_user(uio, (const void __user *)buf, len);
    uio->kernel = true;
}

void uio_init_iov(struct uio *uio, const struct iovec *iov, size_t len)
{
    *uio = (struct uio){.segment = iov, .left = len, .size_limit = UINT64_MAX};
}

/* Moves `len` bytes between `mem` and kernel memory at `at`. */
static void move_kernel(enum uio_move move, void *at, void *mem, size_t len)
{
    switch (move) {
    case UIO_PUT:
        memcpy(at, mem, len);
        break;
    case UIO_PUT_ZEROS:
        memset(at, 0, len);
        break;
    case UIO_GET:
        memcpy(mem, at, len);
        break;
    }
}

/* Moves `len` bytes between `mem` and user memory at `at`. Returns how many could not be moved. */
static size_t move_user(enum uio_move move, void __user *at, void *mem, size_t len)
{
    switch (move) {
    case UIO_PUT:
        return copy_to_user_partial(at, mem, len);
    case UIO_PUT_ZEROS:
        return clear_user_partial(at, len);
    case UIO_GET:
        return copy_from_user_partial(mem, at, len);
    }
    panic("uio: unknown move %d", move);
}

/* Moves up to `len` bytes within the current segment, and advances by what was moved. */
static size_t move_in_segment(struct uio *uio, enum uio_move move, void *mem, size_t len)
{
    void *at = (char *)uio->segment->iov_base + uio->skip;
    size_t rest = 0;

    if (uio->kernel)
        move_kernel(move, at, mem, len);
    else
        rest = move_user(move, (void __user *)at, mem, len);
    uio->skip += len - rest;
    uio->left -= len - rest;
    return len - rest;
}

static size_t uio_move(struct uio *uio, enum uio_move move, void *mem, size_t len)
{
    size_t done = 0;

    len = min(len, uio->left);
    while (done < len) {
        size_t here = min(len - done, uio->segment->iov_len - uio->skip);
        size_t moved = move_in_segment(uio, move, mem ? (char *)mem + done : NULL, here);

        done += moved;
        if (moved < here)
            break;
        if (uio->skip == uio->segment->iov_len) {
            uio->segment++;
            uio->skip = 0;
        }
    }
    return done;
}

size_t uio_put(struct uio *uio, const void *from, size_t len)
{
    return uio_move(uio, UIO_PUT, (void *)from, len);
}

size_t uio_put_zeros(struct uio *uio, size_t len)
{
    return uio_move(uio, UIO_PUT_ZEROS, NULL, len);
}

size_t uio_get(struct uio *uio, void *to, size_t len)
{
    return uio_move(uio, UIO_GET, to, len);
}
