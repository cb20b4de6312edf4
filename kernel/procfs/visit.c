/* A look at a process: with the tree lock for its fields, or with a reference on its address space
   for its memory.

   Lock: the tree lock, taken by procfs_hold and given back by procfs_release. */

#include <linux/errno.h>
#include "visit.h"

/* Returns the task that a key is about, or NULL. The tree lock is held. */
static struct task *find_by_key(uint64_t key)
{
    const struct process *process = process_find(key >> 32 ? key >> 32 : key);

    if (!process || !(key >> 32) || process->pid == (int)key)
        return process ? process->leader : NULL;
    struct task *task = task_find((int)key);
    return task && task->process == process ? task : NULL;
}

struct task *procfs_hold_task(uint64_t key)
{
    mutex_lock(&process_tree_lock);
    struct task *task = find_by_key(key);
    if (!task)
        mutex_unlock(&process_tree_lock);
    return task;
}

struct process *procfs_hold(uint64_t key)
{
    const struct task *task = procfs_hold_task(key);

    return task ? task->process : NULL;
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
