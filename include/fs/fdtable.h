/* A process's file descriptors: small numbers for open files.

   Lock: `lock` (RANK_FILES, sleeps) guards all fields; functions take it themselves. No file is
   closed under it. */
#pragma once

#include <fs/file.h>
#include <sched/lock.h>

struct fdtable;

/* An empty table; -ENOMEM. */
__must_check int fdtable_create(struct fdtable **table);

/* A table with the same files under the same numbers; -ENOMEM. */
__must_check int fdtable_fork(struct fdtable *parent, struct fdtable **child);

/* Closes everything. */
void fdtable_destroy(struct fdtable *table);

/* The open file `fd`, with a reference; NULL: there is none. */
struct file *fdtable_get(struct fdtable *table, int fd);

/* The lowest free descriptor from `min_fd` on, below `limit`, becomes `file`, whose reference it
   takes over (on failure it stays the caller's): its number; -EMFILE, -ENOMEM; -EINVAL: min_fd is
   not below the limit. */
__must_check int fdtable_install(struct fdtable *table, struct file *file, int min_fd,
                                 unsigned flags, uint64_t limit);

/* The same in two steps, for a file that is still to be opened: the first can fail, as above; the second gives the
   number its file, or, with NULL, frees it again. Between them it is nobody's descriptor. */
__must_check int fdtable_reserve(struct fdtable *table, int min_fd, uint64_t limit);
void fdtable_fill(struct fdtable *table, int fd, struct file *file, unsigned flags);

/* -EBADF. */
int fdtable_close(struct fdtable *table, int fd);

/* The same for all from `first` to `last`, as far as they are in use. */
void fdtable_close_range(struct fdtable *table, unsigned first, unsigned last);

/* `to` becomes another descriptor of what `from` is, and what it was is closed: `to`. -EBADF (`to`
   not below the limit, too), -EBUSY (`to` is reserved), -ENOMEM. If they are the same number nothing changes. */
__must_check int fdtable_dup2(struct fdtable *table, int from, int to, unsigned flags,
                              uint64_t limit);

/* For exec. */
void fdtable_close_on_exec(struct fdtable *table);

/* Returns or sets the descriptor's flags: FD_CLOEXEC or 0. Error: -EBADF. */
int fdtable_get_flags(struct fdtable *table, int fd);
int fdtable_set_flags(struct fdtable *table, int fd, unsigned flags);
void fdtable_set_cloexec_range(struct fdtable *table, unsigned first, unsigned last);

/* All descriptors in use are below this. */
unsigned fdtable_end(struct fdtable *table);

/* The lowest descriptor in use from `fd` on; -1: none. For /proc. */
int fdtable_next(struct fdtable *table, int fd);
