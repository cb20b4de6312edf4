/* The end of a process.

   Exit gives back all that the process has, and only then does the process become a zombie. So a
   parent that has waited for it finds every frame free again, but for the kernel stack, which the
   waiter frees (wait.c). Exit never allocates.

   Always true: a zombie has no vspace, no files and no children, and its thread has left user mode
   for ever.

   Lock: the tree lock, while parents, children and zombies change; none while memory and files are
   given back. */

#include <linux/errno.h>
#include <arch/power.h>
#include <lib/panic.h>
#include <proc/news.h>
#include <proc/process.h>
#include <proc/ptrace.h>
#include <proc/session.h>

/* Drops memory and files. The fields are cleared first, under the lock, so that observers do not
   find them half gone. */
static void give_back(struct process *process)
{
    mutex_lock(&process_tree_lock);
    process->earlier_faults = process_usage(process).minor_faults;
    struct vspace *vspace = process->vspace;
    struct fdtable *files = process->files;
    struct vnode *cwd = process->cwd, *exe = process->exe;
    process->vspace = NULL;
    process->files = NULL;
    process->cwd = process->exe = NULL;
    mutex_unlock(&process_tree_lock);

    fdtable_destroy(files);
    vnode_put(cwd);
    thread_set_space(NULL);
    if (vspace)
        vspace_leave(vspace);
    vnode_exe_put(exe);
    news_of_vfork_end(process);
}

/* Makes init the parent of all children, and notifies it if one of them is a zombie. */
static void orphan_children(struct process *process)
{
    struct process *child, *zombie = NULL;

    while ((child = TAILQ_FIRST(&process->children))) {
        process_give_to_init(child);
        if (child->zombie)
            zombie = child;
        group_check_orphaned(child, process, NULL);
    }
    if (zombie)
        news_wake(zombie->parent);
}

static void become_zombie(struct process *process, int status)
{
    mutex_lock(&process_tree_lock);
    alarm_forget(process);
    session_leave(process);
    ptrace_tracer_exits(process);
    orphan_children(process);
    group_check_orphaned(process, process->parent, process);
    process->exit_status = status;
    process->zombie = true;
    news_of_end(process);
    mutex_unlock(&process_tree_lock);
}

void process_exit(int status)
{
    struct process *process = process_current();

    if (process->pid == INIT_PID)
        machine_poweroff(status & 0x7f ? 128 + (status & 0x7f) : status >> 8);
    give_back(process);
    become_zombie(process, status);
    thread_exit();
}
