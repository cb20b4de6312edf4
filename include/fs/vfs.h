/* The operations on files by path, one for each family of system calls. A relative path begins at
   the directory `start`; paths are in kernel memory; errors are Linux's.

   fs_init runs once, at boot, when threads can be created and may sleep. */
#pragma once

#include <fs/file.h>
#include <fs/path.h>

/* Makes the root file system with /dev and the directory /proc, and fills it from the cpio images
   at the physical addresses [initrd_start, initrd_end). The frames of the images are free
   afterwards. If a file does not fit, the boot fails. */
void fs_init(paddr_t initrd_start, paddr_t initrd_end);

/* Mounts a file system for ever: `root` covers the directory at `path` and hides its contents.
   Takes over the caller's reference on `root`. At boot only. */
__must_check int vfs_mount(const char *path, struct vnode *root);

/* Opens a file as open(2) does. Returns it with one reference. `mode` is without the bits of the
   umask. */
__must_check int vfs_open(struct vnode *start, const char *path, unsigned flags, uint32_t mode,
                          struct file **file);

/* Open a file to run it, and hold it as vnode_exe_begin does. Errors: -EACCES (not a regular file,
   or no execute bit), -ELOOP (a symbolic link), -ETXTBSY, and those of path_lookup. */
__must_check int vnode_open_exe(struct vnode *vnode);
__must_check int vfs_open_exe(struct vnode *start, const char *path, struct vnode **exe);

/* Makes a file, a directory or a device, as the S_IFMT bits of `mode` say. `mode` is without the
   bits of the umask. */
__must_check int vfs_make(struct vnode *start, const char *path, uint32_t mode, uint64_t rdev);
__must_check int vfs_symlink(const char *target, struct vnode *start, const char *path);
/* Gives `vnode` a further name. */
__must_check int vfs_link(struct vnode *vnode, struct vnode *start, const char *path);
__must_check int vfs_unlink(struct vnode *start, const char *path);
__must_check int vfs_rmdir(struct vnode *start, const char *path);
__must_check int vfs_rename(struct vnode *from_start, const char *from, struct vnode *to_start,
                            const char *to, unsigned flags);
__must_check int vfs_truncate(struct vnode *start, const char *path, uint64_t size, uint64_t limit);

/* Replaces the permission bits; the type stays. */
void vnode_chmod(struct vnode *vnode, uint32_t mode);

/* Sets the owner and the group; VNODE_SAME_ID keeps one. Clears the set-ID bits of a file, as Linux
   does. */
#define VNODE_SAME_ID UINT32_MAX
void vnode_chown(struct vnode *vnode, uint32_t uid, uint32_t gid);

/* Returns how full a file system is. */
__must_check int vfs_usage(struct filesystem *fs, struct fs_usage *usage);

/* Makes a regular file `size` bytes long; it may not grow to more than `limit`. Takes the vnode's
   lock; counts as a writer. Errors: -EINVAL, -EISDIR, -ETXTBSY, -EFBIG. */
__must_check int vnode_truncate(struct vnode *vnode, uint64_t size, uint64_t limit);
