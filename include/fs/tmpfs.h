/* A file system in memory: a directory is a tree of names, a file is its page cache. */
#pragma once

#include <fs/vnode.h>

/* Makes an empty file system. Returns its root with a reference. At boot only: panics if memory is
   out. */
struct vnode *tmpfs_create(void);

/* Makes a regular file that stands in no directory, with one reference. NULL: no memory. */
__must_check struct vnode *tmpfs_create_unnamed(uint32_t mode);
