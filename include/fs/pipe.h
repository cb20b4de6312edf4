/* Pipes. */
#pragma once

#include <fs/file.h>

/* Makes a pipe and opens its two ends. `flags` may be O_NONBLOCK. Error: -ENOMEM. */
__must_check int pipe_create(unsigned flags, struct file **reader, struct file **writer);

/* Returns the bytes that fit into the pipe. -EBADF: not a pipe. */
__must_check int pipe_size(const struct file *file);
