/* The segments of a scattered buffer, as readv(2) and its relatives take them. */
#pragma once

#include <linux/uio.h>
#include <arch/page.h>
#include <lib/base.h>

/* The most bytes that one call moves, as on Linux. */
#define MAX_RW_COUNT (INT32_MAX & ~(PAGE_SIZE - 1))

/* Copies an array of `count` segments from user memory to the heap; the caller frees it. If `count`
   is 0 or the call fails, *iov is NULL. Errors: -EINVAL (too many segments, or a length below 0),
   -ENOMEM, -EFAULT. */
__must_check int iov_fetch(const struct iovec __user *from, size_t count, struct iovec **iov);

/* Returns the bytes of all segments together, at most MAX_RW_COUNT, or -EFAULT if a segment is not
   in the user's half. */
__must_check ssize_t iov_total(const struct iovec *iov, size_t count);
