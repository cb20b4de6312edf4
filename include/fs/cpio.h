/* Archives in cpio's "newc" format, the form of an initial RAM disk. */
#pragma once

#include <fs/vnode.h>

/* Unpacks the archives in [start, start + len), one after the other, below `root`. Reports a member
   that it cannot unpack on the console, and continues. Returns the number of files that it made. */
unsigned cpio_unpack(struct vnode *root, const void *start, size_t len);
