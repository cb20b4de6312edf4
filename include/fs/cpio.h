/* Archives in cpio's "newc" format, the form of an initial RAM disk. */
#pragma once

#include <fs/vnode.h>

/* Unpacks the archives in [start, start + len), one after the other, below `root`. Reports a member
   that it cannot unpack on the console, leaves it out whole, and continues. Returns the number of
   files that it made, and in `no_room` how many were left out because memory is out. */
unsigned cpio_unpack(struct vnode *root, const void *start, size_t len, unsigned *no_room);

/* Returns how much memory cpio_unpack takes for these archives, in bytes, and a little more. */
uint64_t cpio_unpacked_bytes(const void *start, size_t len);
