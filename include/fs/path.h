/* From a path to a vnode: component by component from the root or a starting directory, through
   mount points and symbolic links.

   Everybody is root here, so no directory is closed to anyone. Lock: none is held between
   components, and a rename at the same time may be seen or not. */
#pragma once

#include <fs/vnode.h>

/* The root of the whole tree. Set once, at boot, by fs_init. */
extern struct vnode *vfs_root;

/* What the last component of a path may be, besides a name. */
enum path_last_kind {
    PATH_NAME,
    PATH_ROOT,   /* nothing but slashes */
    PATH_DOT,    /* "." */
    PATH_DOTDOT, /* ".." */
};

/* A path resolved up to its last component. */
struct path_last {
    struct vnode *dir;       /* the directory of the last component, with a reference */
    char name[NAME_MAX + 1]; /* PATH_NAME: the last component */
    enum path_last_kind kind;
    bool wants_dir; /* a slash stood behind it */
};

#define PATH_FOLLOW (1u << 0) /* a symbolic link at the end is followed, too */

/* The vnode at `path`, with a reference; `start` is where a relative path begins. -ENOENT (an empty
   path, too), -ENOTDIR, -ENAMETOOLONG, -ELOOP, -ENOMEM. */
__must_check int path_lookup(struct vnode *start, const char *path, unsigned flags,
                             struct vnode **vnode);

/* Everything but the last component, which need not exist. The caller puts last->dir. Errors as
   above. */
__must_check int path_lookup_parent(struct vnode *start, const char *path, unsigned flags,
                                    struct path_last *last);

/* The vnode that the last component of `last` names, following nothing. -ENOTDIR: a slash stands
   behind what is no directory. */
__must_check int path_lookup_last(const struct path_last *last, struct vnode **vnode);
