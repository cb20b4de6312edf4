/* A look at the process that a file of /proc/PID is about.

   A process that is held cannot exit, because its holder has the tree lock; hold it only while its
   fields are printed. A visitor has a reference on the address space and no lock; the process may
   change its program or exit meanwhile. */
#pragma once

#include <proc/process.h>

/* Returns the process that `key` is about, zombie or not, with the tree lock held. Returns NULL,
   without the lock, if there is none. */
struct process *procfs_hold(uint64_t key);

/* Returns the task that `key` is about, in the same way: for a pid, the leader of the process. */
struct task *procfs_hold_task(uint64_t key);
void procfs_release(void);

/* Gets the address space of the process that `key` is about, with a reference, and the layout of
   its program (`layout` may be NULL). A zombie has no address space: *vspace is NULL. -ESRCH. */
__must_check int procfs_visit(uint64_t key, struct vspace **vspace, struct process_layout *layout);
