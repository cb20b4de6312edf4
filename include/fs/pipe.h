/* Pipes. */
#pragma once

#include <fs/file.h>

/* The two ends of a new pipe; `flags`: O_NONBLOCK. -ENOMEM. */
__must_check int pipe_create(unsigned flags, struct file **reader, struct file **writer);

/* Bytes that fit into it. -EBADF: not a pipe. */
__must_check int pipe_size(const struct file *file);
