/* Archives in cpio's "newc" format, the form of an initial RAM disk. */
#pragma once

#include <fs/vnode.h>

/* Unpacks all archives in [start, start + len), one after the other, below `root`. Says on the
   console what cannot be unpacked, and goes on. Returns how many files it made. */
unsigned cpio_unpack(struct vnode *root, const void *start, size_t len);
