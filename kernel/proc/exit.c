/* The end of a process, and waiting for it.

   Exit gives back all that the process has, and only then becomes a zombie: who has waited for it finds every frame
   free again but its kernel stack, which the waiter takes back. Exit never allocates. */

#include <linux/errno.h>
#include <linux/wait.h>
#include <arch/power.h>
#include <lib/panic.h>
#include <proc/process.h>

static struct process *init_process(void)
{
    return process_find(1);
}

/* Takes what others may look at out of their sight first. */
static void give_back(struct process *process)
{
    mutex_lock(&process_tree_lock);
    process->usage = process_usage(process);
    struct vspace *vspace = process->vspace;
    struct fdtable *files = process->files;
    struct vnode *cwd = process->cwd, *exe = process->exe;
    process->vspace = NULL;
    process->files = NULL;
    process->cwd = process->exe = NULL;
    mutex_unlock(&process_tree_lock);

    fdtable_destroy(files);
    vnode_put(cwd);
    vnode_put(exe);
    thread_set_space(NULL);
    if (vspace)
        vspace_put(vspace);
    process_vfork_done(process);
}

/* Gives the children to init. The tree lock is held. */
static void orphan_children(struct process *process)
{
    struct process *init = init_process(), *child;
    bool event = false;

    while ((child = TAILQ_FIRST(&process->children))) {
        TAILQ_REMOVE(&process->children, child, sibling);
        TAILQ_INSERT_TAIL(&init->children, child, sibling);
        child->parent = init;
        event |= child->zombie;
    }
    if (event)
        process_child_event(init);
}

/* Whether the parent does not want to hear of its children's ends: then init takes them. */
static bool is_unwanted(const struct process *parent)
{
    const struct signal_action *action = &parent->signals.actions[SIGCHLD - 1];

    return action->handler == (uaddr_t)SIG_IGN;
}

static void become_zombie(struct process *process, int status)
{
    mutex_lock(&process_tree_lock);
    orphan_children(process);
    process->exit_status = status;
    process->zombie = true;
    struct process *parent = process->parent;
    if (is_unwanted(parent)) {
        TAILQ_REMOVE(&parent->children, process, sibling);
        TAILQ_INSERT_TAIL(&init_process()->children, process, sibling);
        process->parent = init_process();
        process_child_event(parent); /* it may be waiting for the last one */
    }
    process_child_event(process->parent);
    signal_send(process->parent, SIGCHLD);
    mutex_unlock(&process_tree_lock);
}

void process_exit(int status)
{
    struct process *process = process_current();

    if (process->pid == 1)
        machine_poweroff(status & 0x7f ? 128 + (status & 0x7f) : status >> 8);
    give_back(process);
    become_zombie(process, status);
    thread_exit();
}

/* ---- Waiting ---- */

static bool is_meant(const struct process *child, const struct process *self, int pid)
{
    if (pid > 0)
        return child->pid == pid;
    if (pid == 0)
        return child->pgid == self->pgid;
    return pid == -1 || child->pgid == -pid;
}

/* A zombie among the children that `pid` means. `any`: whether there are such children at all. The tree lock is held.
 */
static struct process *find_zombie(const struct process *self, int pid, bool *any)
{
    struct process *child;

    *any = false;
    TAILQ_FOREACH (child, &self->children, sibling) {
        if (!is_meant(child, self, pid))
            continue;
        *any = true;
        if (child->zombie)
            return child;
    }
    return NULL;
}

static void usage_add(struct process_usage *sum, const struct process_usage *part)
{
    sum->minor_faults += part->minor_faults;
    sum->ticks_user += part->ticks_user;
    sum->ticks_kernel += part->ticks_kernel;
}

/* Buries a zombie that has been unlinked: its pid. */
static int reap(struct process *child)
{
    int pid = child->pid;

    thread_destroy(child->thread);
    process_free(child);
    return pid;
}

/* One look at the children: a zombie, unlinked; or NULL and why. `seen` is the number of events before the look. */
static struct process *look(int pid, int *err, unsigned *seen)
{
    struct process *self = process_current();
    bool any;

    mutex_lock(&process_tree_lock);
    *seen = atomic_load(&self->child_events);
    struct process *child = find_zombie(self, pid, &any);
    *err = child || any ? 0 : -ECHILD;
    if (child) {
        process_unlink(child);
        usage_add(&self->children_usage, &child->usage);
        usage_add(&self->children_usage, &child->children_usage);
    }
    mutex_unlock(&process_tree_lock);
    return child;
}

int process_wait(int pid, int options, int *status, struct process_usage *usage)
{
    for (;;) {
        unsigned seen;
        int err;
        struct process *child = look(pid, &err, &seen);

        if (child) {
            *status = child->exit_status;
            *usage = child->usage;
            usage_add(usage, &child->children_usage);
            return reap(child);
        }
        if (!err && (options & WNOHANG))
            return 0;
        if (!err)
            err = process_wait_event(seen);
        if (err)
            return err;
    }
}
