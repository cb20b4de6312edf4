/* The vnodes of ext2 (vnode.c), for mount.c. */
#pragma once

#include <fs/vnode.h>

/* Sets the operations of a new vnode by its mode. A regular file gets a page cache of `size` bytes.
   -ENOMEM. */
__must_check int ext2_vnode_setup(struct vnode *vnode, uint64_t size);
