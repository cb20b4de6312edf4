/* The working directory and the umask of a task. Tasks that were made by CLONE_FS share them, as
   the threads of a C library do. The functions take the lock. */
#pragma once

#include <fs/vnode.h>

struct workdir;

/* Makes one with a reference on `dir`. Returns NULL if memory is out. */
struct workdir *workdir_create(struct vnode *dir, unsigned umask);

/* Returns a copy, for a child. Returns NULL if memory is out. */
struct workdir *workdir_fork(struct workdir *workdir);

/* Add and drop a user; the last one frees it. */
void workdir_share(struct workdir *workdir);
void workdir_put(struct workdir *workdir);

/* Returns true if it has several users. */
bool workdir_is_shared(const struct workdir *workdir);

/* Returns the directory, with a reference. */
struct vnode *workdir_get(struct workdir *workdir);

/* Changes the directory, and takes over the caller's reference on `dir`. */
void workdir_set(struct workdir *workdir, struct vnode *dir);

unsigned workdir_umask(const struct workdir *workdir);

/* Sets the umask, and returns the old one. */
unsigned workdir_set_umask(struct workdir *workdir, unsigned umask);
