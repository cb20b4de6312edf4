/* Pipes. */
#pragma once

#include <fs/file.h>

/* The two ends of a new pipe; `flags`: O_NONBLOCK. -ENOMEM. */
__must_check int pipe_create(unsigned flags, struct file **reader, struct file **writer);
