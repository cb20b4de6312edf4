/* Seals: what nobody may do to a file of memfd_create(2) any more. They are only added. The bits
   are F_SEAL_ of linux/fcntl.h.

   Lock: the vnode's guards the seals, and is held over each operation that they forbid. */
#pragma once

#include <fs/file.h>

/* Returns the seals of the file. -EINVAL: it is not of a kind that has seals. */
int seals_of(struct file *file);

/* Adds seals. Errors: -EPERM (the file is not open for writing, or has F_SEAL_SEAL); -EBUSY (it is
   to be sealed against writes, and mapped for them); -EINVAL. */
__must_check int seals_add(struct file *file, unsigned seals);

/* Return -EPERM if a seal forbids to write `*len` bytes at `offset`, or to give the file a new
   size; false if one forbids to map it for writing. A write is cut to what does not lengthen the
   file. The vnode's lock is held. */
__must_check int seals_allow_write(const struct vnode *vnode, uint64_t offset, size_t *len);
__must_check int seals_allow_size(const struct vnode *vnode, uint64_t size);
bool seals_allow_shared_writes(const struct vnode *vnode);

/* Returns -EPERM if a seal forbids to make a hole in the file. The vnode's lock is held. */
__must_check int seals_allow_hole(const struct vnode *vnode);
