/* The nodes of tmpfs (tmpfs.c) and their names (tmpfs_dir.c). */
#pragma once

#include <sys/tree.h>
#include <fs/vnode.h>

/* A name in a directory, with a reference on the vnode. The file system's tree lock guards all
   fields. */
struct tmpfs_entry {
    RB_ENTRY(tmpfs_entry) by_name;
    RB_ENTRY(tmpfs_entry) by_cookie;
    uint64_t cookie; /* its place in a listing; unique in its directory for ever */
    struct vnode *vnode;
    char name[]; /* with a final 0 */
};

RB_HEAD(tmpfs_names, tmpfs_entry);
RB_HEAD(tmpfs_cookies, tmpfs_entry);

struct tmpfs_node {
    struct vnode vnode;
    char *target; /* (c) of a symbolic link; on the heap */

    /* The entries of a directory, in two orders. Lock: the tree lock. */
    struct tmpfs_names names;
    struct tmpfs_cookies cookies;
    uint64_t next_cookie;
};

static inline struct tmpfs_node *tmpfs_node(struct vnode *vnode)
{
    return container_of(vnode, struct tmpfs_node, vnode);
}

/* Makes a node with one reference and no name. NULL: no memory. */
__must_check struct vnode *tmpfs_node_create(struct filesystem *fs, uint32_t mode, uint64_t rdev);

/* The vnode operations on names (tmpfs_dir.c). */
int tmpfs_lookup(struct vnode *dir, const char *name, struct vnode **child);
int tmpfs_link(struct vnode *dir, const char *name, struct vnode *vnode);
int tmpfs_unlink(struct vnode *dir, const char *name);
int tmpfs_rmdir(struct vnode *dir, const char *name);
int tmpfs_rename(struct vnode *from_dir, const char *from_name, struct vnode *to_dir,
                 const char *to_name, unsigned flags);
int tmpfs_readdir(struct vnode *dir, uint64_t cookie, struct dir_entry *entry);
