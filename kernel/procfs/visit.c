/* A look at a process: with the tree lock for its fields, or with a reference on its address space
   for its memory.

   Lock: the tree lock, taken by procfs_hold and given back by procfs_release. */

#include <linux/errno.h>
#include "visit.h"

struct process *procfs_hold(uint64_t key)
{
    mutex_lock(&process_tree_lock);
    struct process *process = process_find(key);
    if (!process)
        mutex_unlock(&process_tree_lock);
    return process;
}

void procfs_release(void)
{
    mutex_unlock(&process_tree_lock);
}

int procfs_visit(uint64_t key, struct vspace **vspace, struct process_layout *layout)
{
    const struct process *process = procfs_hold(key);

    if (!process)
        return -ESRCH;
    *vspace = process->vspace;
    if (*vspace)
        vspace_get(*vspace);
    if (layout)
        *layout = process->layout;
    procfs_release();
    return 0;
}
