/* A file system in memory: directories are trees of names, files are their page caches. */
#pragma once

#include <fs/vnode.h>

/* A new, empty one: its root directory, with a reference. Panics if memory is out: at boot only. */
struct vnode *tmpfs_create(void);
