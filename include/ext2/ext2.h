/* ext2: the file system of Linux's ext2 on a disk (docs/ext2.md). */
#pragma once

#include <fs/vnode.h>

struct block_device;

/* Makes a file system of a disk. Returns its root with a reference, which ext2_unmount drops.

   A file system with features that only reading tolerates becomes read-only. Messages say why a
   mount fails. -EINVAL (no ext2, a feature that is not understood, or damage), -EIO, -ENOMEM, -EROFS
   (the disk cannot be written, and the mount is not to be read-only). */
__must_check int ext2_mount(struct block_device *device, bool read_only, struct vnode **root);

/* Writes everything, and frees the file system. -EBUSY: some file is in use; then it stays mounted.
   An error of the disk is returned, too, but the file system is gone. No thread can look its root up
   any more, and no other thread mounts or unmounts. */
__must_check int ext2_unmount(struct vnode *root);
