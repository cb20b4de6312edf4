/* The requests of fcntl(2) for record locks. */
#pragma once

#include <fs/file.h>

bool is_lock_request(unsigned request);

/* Serves one. `arg` is the address of a struct flock; `fd` is the descriptor of `file`. */
long fcntl_lock(struct file *file, int fd, unsigned request, uaddr_t arg);
