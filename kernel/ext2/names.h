/* The vnode operations on names (names.c), for the tables of vnode.c. fs/vnode.h describes them. */
#pragma once

#include <fs/vnode.h>

int ext2_lookup(struct vnode *dir, const char *name, struct vnode **child);
int ext2_create(struct vnode *dir, const char *name, uint32_t mode, uint64_t rdev,
                struct vnode **child);
int ext2_symlink(struct vnode *dir, const char *name, const char *target);
int ext2_readlink(struct vnode *vnode, char *buf, size_t size);
int ext2_link(struct vnode *dir, const char *name, struct vnode *vnode);
int ext2_unlink(struct vnode *dir, const char *name);
int ext2_rmdir(struct vnode *dir, const char *name);
int ext2_rename(struct vnode *from_dir, const char *from_name, struct vnode *to_dir,
                const char *to_name, unsigned flags);
int ext2_readdir(struct vnode *dir, uint64_t cookie, struct dir_entry *entry);
