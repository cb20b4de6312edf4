/* A file system in memory: directories are trees of names, files are their page caches. */
#pragma once

#include <fs/vnode.h>

/* A new, empty one: its root directory, with a reference. Panics if memory is out: at boot only. */
struct vnode *tmpfs_create(void);

/* A regular file without a name, `size` bytes of zeros, for memory that processes share (its pager
   is &(*vnode)->cache->pager). `name` is what /proc/PID/maps calls it. -ENOMEM. */
__must_check int tmpfs_create_unnamed(const char *name, uint64_t size, struct vnode **vnode);
