/* Fetching and checking the segments of a scattered buffer. */

#include <linux/errno.h>
#include <mm/heap.h>
#include <sys/iov.h>
#include <vm/usercopy.h>

static int check_lengths(const struct iovec *iov, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if ((ssize_t)iov[i].iov_len < 0)
            return -EINVAL;
    return 0;
}

int iov_fetch(const struct iovec __user *from, size_t count, struct iovec **iov)
{
    *iov = NULL;
    if (count == 0)
        return 0;
    if (count > UIO_MAXIOV)
        return -EINVAL;
    struct iovec *copy = heap_alloc(count * sizeof(*copy));
    if (!copy)
        return -ENOMEM;
    int err = copy_from_user(copy, from, count * sizeof(*copy));
    if (!err)
        err = check_lengths(copy, count);
    if (err) {
        heap_free(copy);
        return err;
    }
    *iov = copy;
    return 0;
}

ssize_t iov_total(const struct iovec *iov, size_t count)
{
    size_t total = 0;

    for (size_t i = 0; i < count; i++) {
        if (!user_access_ok((const void __user *)iov[i].iov_base, iov[i].iov_len))
            return -EFAULT;
        total = min(total + iov[i].iov_len, MAX_RW_COUNT);
    }
    return total;
}
