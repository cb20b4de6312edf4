/* Files without a name, whose pages programs share, as behind MAP_SHARED with MAP_ANONYMOUS. */
#pragma once

#include <fs/vnode.h>

/* Makes a file of `size` bytes in memory. /proc shows `name`, with " (deleted)" behind it. Returns
   it with one reference. -ENOMEM. */
__must_check int shmem_create(const char *name, uint64_t size, struct vnode **vnode);
