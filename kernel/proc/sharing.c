/* The descriptors and the working directory of tasks. A new task uses those of its creator, or a
   copy, as the flags of clone say. So do the tasks of one process, and those of several.

   Always true: a task that has not ended has both; one that has ended has neither.

   Lock: the tree lock, when a task that runs changes its own, because observers look at them. */

#include <linux/errno.h>
#include <linux/sched.h>
#include <arch/atomic.h>
#include <lib/panic.h>
#include <proc/process.h>
#include "signal_set.h"

int task_copy_files(struct task *task, unsigned flags)
{
    struct task *self = task_current();

    if (flags & CLONE_FS)
        workdir_share(task->workdir = self->workdir);
    else
        task->workdir = workdir_fork(self->workdir);
    if (!task->workdir)
        return -ENOMEM;
    if (!(flags & CLONE_FILES))
        return fdtable_fork(self->files, &task->files);
    fdtable_share(task->files = self->files);
    return 0;
}

void task_drop_files(struct task *task)
{
    mutex_lock(&process_tree_lock);
    struct fdtable *files = task->files;
    struct workdir *workdir = task->workdir;
    task->files = NULL;
    task->workdir = NULL;
    mutex_unlock(&process_tree_lock);

    if (files)
        fdtable_put(files);
    if (workdir)
        workdir_put(workdir);
}

void task_replace_files(struct task *self, struct fdtable *files)
{
    struct fdtable *old = self->files;

    assert(self == task_current());
    mutex_lock(&process_tree_lock);
    self->files = files;
    mutex_unlock(&process_tree_lock);
    fdtable_put(old);
}

static void replace_workdir(struct task *self, struct workdir *workdir)
{
    struct workdir *old = self->workdir;

    mutex_lock(&process_tree_lock);
    self->workdir = workdir;
    mutex_unlock(&process_tree_lock);
    workdir_put(old);
}

bool process_is_alone(void)
{
    struct process *self = process_current();

    mutex_lock(&process_tree_lock);
    bool is_alone = !TAILQ_NEXT(TAILQ_FIRST(&self->tasks), link) &&
                    !actions_are_shared(self->signals.actions) &&
                    atomic_load(&self->vspace->pagetable.threads) == 1;
    mutex_unlock(&process_tree_lock);
    return is_alone;
}

int task_unshare(unsigned flags)
{
    struct task *self = task_current();
    struct fdtable *files = NULL;
    struct workdir *workdir = NULL;
    bool copies_workdir = (flags & CLONE_FS) && workdir_is_shared(self->workdir);

    if ((flags & CLONE_FILES) && fdtable_is_shared(self->files) &&
        fdtable_fork(self->files, &files))
        return -ENOMEM;
    if (copies_workdir && !(workdir = workdir_fork(self->workdir))) {
        if (files)
            fdtable_put(files);
        return -ENOMEM;
    }
    if (files)
        task_replace_files(self, files);
    if (workdir)
        replace_workdir(self, workdir);
    return 0;
}
