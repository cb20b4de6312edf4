/* Path lookup: finds a vnode component by component, from the root or a starting directory,
   through mount points and symbolic links.

   Every user is root, so every directory may be searched. No lock is held between two
   components: a concurrent rename may be seen or not. */
#pragma once

#include <fs/vnode.h>

/* The root of the whole tree. Set once, at boot, by mount_root. */
extern struct vnode *vfs_root;

/* The kinds of the last component of a path. */
enum path_last_kind {
    PATH_NAME,
    PATH_ROOT,   /* nothing but slashes */
    PATH_DOT,    /* "." */
    PATH_DOTDOT, /* ".." */
    PATH_VNODE,  /* none: a link has led to the vnode itself; only with PATH_FOLLOW */
};

/* A path resolved up to its last component. */
struct path_last {
    struct vnode *dir;       /* the directory of the last component, or for PATH_VNODE the vnode
                                itself; one reference */
    char name[NAME_MAX + 1]; /* the last component, for PATH_NAME */
    enum path_last_kind kind;
    bool wants_dir; /* the path ends with a slash */
};

#define PATH_FOLLOW (1u << 0) /* a symbolic link at the end is followed too */

/* Finds the vnode at `path`, and takes a reference on it. A relative path begins at `start`.
   Errors: -ENOENT (also for an empty path), -ENOTDIR, -ENAMETOOLONG, -ELOOP, -ENOMEM. */
__must_check int path_lookup(struct vnode *start, const char *path, unsigned flags,
                             struct vnode **vnode);

/* Resolves all components but the last, which need not exist. The caller puts last->dir. Errors:
   those of path_lookup. */
__must_check int path_lookup_parent(struct vnode *start, const char *path, unsigned flags,
                                    struct path_last *last);

/* Finds the vnode that the last component names, without following a link, and takes a reference on
   it. -ENOTDIR: the path ends with a slash, and the vnode is no directory. */
__must_check int path_lookup_last(const struct path_last *last, struct vnode **vnode);
