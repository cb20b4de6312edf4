/* The operations on files by path: one for each family of system calls. Each takes the directory in
   which a relative path begins, and a path in kernel memory; errors are Linux's.

   fs_init runs once, at boot, when threads can be made and may sleep. */
#pragma once

#include <fs/file.h>
#include <fs/path.h>

/* Makes the root file system, with /dev and /proc, and fills it from the cpio images in
   [initrd_start, initrd_end), physical addresses, whose frames stay reserved. */
void fs_init(paddr_t initrd_start, paddr_t initrd_end);

/* Puts `root` on the directory at `path`, whose contents it hides, for ever; the caller's reference
   is taken over. At boot only. */
__must_check int vfs_mount(const char *path, struct vnode *root);

/* The root of the n-th file system, in the order in which they were mounted; NULL: there are no more. */
struct vnode *vfs_mounted(unsigned n);

/* open(2): an open file with one reference. `mode` has the umask taken off. */
__must_check int vfs_open(struct vnode *start, const char *path, unsigned flags, uint32_t mode,
                          struct file **file);

/* Opens a file that is to be run: `exe` is held as vnode_exe_begin says. Errors: -EACCES (no
   regular file, or nobody may execute it), -ETXTBSY, and those of path_lookup. */
__must_check int vfs_open_exe(struct vnode *start, const char *path, struct vnode **exe);

/* Makes a file, directory or device, as the S_IFMT bits of `mode` (umask taken off) say. */
__must_check int vfs_make(struct vnode *start, const char *path, uint32_t mode, uint64_t rdev);
__must_check int vfs_symlink(const char *target, struct vnode *start, const char *path);
/* Gives `vnode` another name. */
__must_check int vfs_link(struct vnode *vnode, struct vnode *start, const char *path);
__must_check int vfs_unlink(struct vnode *start, const char *path);
__must_check int vfs_rmdir(struct vnode *start, const char *path);
__must_check int vfs_rename(struct vnode *from_start, const char *from, struct vnode *to_start,
                            const char *to, unsigned flags);
__must_check int vfs_truncate(struct vnode *start, const char *path, uint64_t size);

/* Replaces the permission bits; the others stay. */
void vnode_chmod(struct vnode *vnode, uint32_t mode);

/* Gives it another owner and group; VNODE_SAME_ID: that one stays. A file that runs with its owner's rights no longer
   does. */
#define VNODE_SAME_ID UINT32_MAX
void vnode_chown(struct vnode *vnode, uint32_t uid, uint32_t gid);

/* Blocks of PAGE_SIZE bytes: what its files take up, and what they may still take. */
struct fs_usage {
    uint64_t used, free;
};
struct fs_usage vfs_usage(const struct filesystem *fs);

/* Makes a regular file, whose lock is not held, `size` bytes long; counts as writing it. -EINVAL,
   -EISDIR, -ETXTBSY. */
__must_check int vnode_truncate(struct vnode *vnode, uint64_t size);
