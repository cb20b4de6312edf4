/* File descriptors: small numbers for open files. Tasks that were made by CLONE_FILES use one
   table, in one process or in several.

   Lock: the table's own (RANK_FILES, sleeps) guards all fields, and the functions take it. It is
   not held while a file is closed. */
#pragma once

#include <fs/file.h>
#include <sched/lock.h>

struct fdtable;

/* Makes an empty table. Error: -ENOMEM. */
__must_check int fdtable_create(struct fdtable **table);

/* Makes a table with the same files under the same numbers. Error: -ENOMEM. */
__must_check int fdtable_fork(struct fdtable *parent, struct fdtable **child);

/* Adds a task that uses the table (CLONE_FILES). */
void fdtable_share(struct fdtable *table);

/* Returns true if several tasks use the table. */
bool fdtable_is_shared(const struct fdtable *table);

/* Drops a task that used the table. The last one closes all files and frees the table. */
void fdtable_put(struct fdtable *table);

/* Returns the open file `fd` with a reference, or NULL if there is none. */
struct file *fdtable_get(struct fdtable *table, int fd);

/* Gives `file` the lowest free descriptor from `min_fd` on and below `limit`, with `flags`
   (FD_CLOEXEC or 0), and takes over its reference. Returns the descriptor. On failure the caller
   keeps the reference. Errors: -EMFILE, -ENOMEM, -EINVAL (min_fd is not below the limit). */
__must_check int fdtable_install(struct fdtable *table, struct file *file, int min_fd,
                                 unsigned flags, uint64_t limit);

/* Install a file that is still to be opened, in two steps. fdtable_reserve reserves a descriptor;
   its errors are those of fdtable_install. fdtable_fill then gives the descriptor its file, or
   frees it again if that is NULL. A reserved descriptor cannot be used. */
__must_check int fdtable_reserve(struct fdtable *table, int min_fd, uint64_t limit);
void fdtable_fill(struct fdtable *table, int fd, struct file *file, unsigned flags);

/* Closes one descriptor. Error: -EBADF. */
int fdtable_close(struct fdtable *table, int fd);

/* Closes the descriptors in use from `first` to `last`. */
void fdtable_close_range(struct fdtable *table, unsigned first, unsigned last);

/* Makes `to` a second descriptor of the file `from`, and closes the file that `to` had. Returns
   `to`. If both are the same, nothing changes. Errors: -EBADF (also if `to` is not below the
   limit), -EBUSY (`to` is reserved), -ENOMEM. */
__must_check int fdtable_dup2(struct fdtable *table, int from, int to, unsigned flags,
                              uint64_t limit);

/* Closes the descriptors with FD_CLOEXEC, for exec. */
void fdtable_close_on_exec(struct fdtable *table);

/* Returns or sets the descriptor's flags: FD_CLOEXEC or 0. Error: -EBADF. */
int fdtable_get_flags(struct fdtable *table, int fd);
int fdtable_set_flags(struct fdtable *table, int fd, unsigned flags);
void fdtable_set_cloexec_range(struct fdtable *table, unsigned first, unsigned last);

/* Returns a number above all descriptors in use. */
unsigned fdtable_end(struct fdtable *table);

/* Returns the lowest descriptor in use from `fd` on, or -1. For /proc. */
int fdtable_next(struct fdtable *table, int fd);
