/* Pipes, and FIFOs: pipes with a name. */
#pragma once

#include <fs/file.h>

/* The file_ops of a FIFO's vnode. Its open waits until the other end is open too, and may end with
   -EINTR or -ENXIO. */
extern const struct file_ops pipe_file_ops;

/* Makes a pipe and opens its two ends. `flags` may be O_NONBLOCK. Error: -ENOMEM. */
__must_check int pipe_create(unsigned flags, struct file **reader, struct file **writer);

/* Returns the bytes that fit into the pipe. -EBADF: neither a pipe nor a FIFO. */
__must_check int pipe_size(const struct file *file);

/* Changes the number of bytes that fit: to a power of two pages that holds `bytes`, up to 1 MiB.
   Returns the number. -EBADF. -EINVAL, -EPERM: too many. -EBUSY: more are in the pipe. -ENOMEM. */
__must_check int pipe_set_size(const struct file *file, uint64_t bytes);
