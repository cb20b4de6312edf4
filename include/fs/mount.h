/* Mounts: which file system covers which directory.

   A path that leads to a covered directory goes on at the root of the file system that covers it.
   So what the directory holds is hidden.

   Lock: mount_lock (RANK_MOUNT, sleeps) guards the list of mounts. The links between a directory
   and the root that covers it change under the spinlock of all places, as well, so a walk along a
   path needs no mount_lock. */
#pragma once

#include <fs/vnode.h>
#include <sys/queue.h>

/* A mount. (m) mount_lock; the others are constant. */
struct mount {
    TAILQ_ENTRY(mount) link; /* (m) */
    struct vnode *root;      /* (m) one reference; NULL: it is being made */
    unsigned id, parent_id;  /* from 1; the parent has the directory, and is 0 for the root */
    uint64_t number;         /* of the device; 0: none */
    const char *source;      /* the path of the device, or the name of a type; on the heap */
    bool is_for_ever;        /* made at boot; it cannot be unmounted */
    bool is_changing;        /* (m) it is being made or removed */
    unsigned users;          /* (m) threads that sync or change it; it is not removed meanwhile */
};

/* Mounts a file system for ever: `root` covers `dir`. Takes over the caller's references on both,
   unless it fails. Errors: those of mount_add. */
__must_check int mount_for_ever(struct vnode *dir, struct vnode *root);

/* Makes `root` the root of all paths (vfs_root). At boot only: panics if memory is out. */
void mount_root(struct vnode *root);

/* Opens the file system of a device, and returns its root with a reference. */
typedef int mount_open_fn(void *device, bool read_only, struct vnode **root);

/* Mounts the file system that `open` opens, on the directory `dir`. `number` is the device's, and
   `source` its name. Errors: -ENOTDIR, -ENOENT (`dir` is removed), -EBUSY (`dir` is the root of a
   file system, or the device is mounted already), -ENOMEM, and those of `open`. */
__must_check int mount_add(struct vnode *dir, const char *source, uint64_t number,
                           mount_open_fn *open, void *device, bool read_only);

/* Unmounts the file system with this root. Takes over the caller's reference on it. Errors: -EINVAL
   (not the root of a mount), -EBUSY (for ever, in use, or with a mount in it), and those of
   filesystem_ops.unmount. */
int mount_remove(struct vnode *root);

/* Lets the file system with this root only be read, or be changed again. Errors: -EINVAL (not the
   root of a mount, or it cannot be done), -EBUSY, and those of filesystem_ops.remount. */
__must_check int mount_change(struct vnode *root, bool read_only);

/* Calls `each` for all mounts that are not changing, in the order of mounting, under mount_lock. */
void mount_each(void (*each)(const struct mount *mount, void *arg), void *arg);

/* Writes what the files of a device, and the file system on it, have not written yet. */
void mount_sync_device(uint64_t number);

/* Returns the root that covers `dir`, through several mounts, with a reference; or `dir` itself.
   Takes over the reference on `dir`. */
struct vnode *mount_cross(struct vnode *dir);
