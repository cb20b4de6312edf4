/* The end of a process, and waiting for it.

   Exit gives back all that the process has, and only then becomes a zombie: who has waited for it finds every frame
   free again but its kernel stack, which the waiter takes back. Exit never allocates. */

#include <linux/errno.h>
#include <linux/wait.h>
#include <arch/power.h>
#include <lib/panic.h>
#include <proc/process.h>
#include <proc/session.h>
#include <proc/terminal.h>

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

/* ---- Telling the parent ---- */

#define STOPPED_STATUS(signo) ((signo) << 8 | 0x7f)
#define CONTINUED_STATUS      0xffff

static void send_child_signal(struct process *child, struct process *parent, int code, int status)
{
    const struct signal_info info = {
        .signo = SIGCHLD, .code = code, .pid = child->pid, .status = status};

    signal_send(parent, &info);
}

static void tell_of_change(struct process *process, int code, int signo, int status)
{
    struct process *parent = process->parent;

    if (!parent)
        return;
    process->stop_status = status;
    process_child_event(parent);
    if (!(signal_action_of(parent, SIGCHLD).flags & SA_NOCLDSTOP))
        send_child_signal(process, parent, code, signo);
}

void process_tell_stopped(struct process *process, int signo)
{
    tell_of_change(process, CLD_STOPPED, signo, STOPPED_STATUS(signo));
}

void process_tell_continued(struct process *process)
{
    tell_of_change(process, CLD_CONTINUED, SIGCONT, CONTINUED_STATUS);
}

static void tell_of_end(struct process *process, struct process *parent)
{
    int status = process->exit_status, signo = status & 0x7f;

    process_child_event(parent); /* it may be waiting for the last one */
    if (signo)
        send_child_signal(process, parent, CLD_KILLED, signo);
    else
        send_child_signal(process, parent, CLD_EXITED, status >> 8);
}

/* ---- Becoming a zombie; the tree lock is held ---- */

static void give_to_init(struct process *child)
{
    struct process *init = init_process();

    TAILQ_REMOVE(&child->parent->children, child, sibling);
    TAILQ_INSERT_TAIL(&init->children, child, sibling);
    child->parent = init;
}

static void orphan_children(struct process *process)
{
    struct process *child;
    bool event = false;

    while ((child = TAILQ_FIRST(&process->children))) {
        give_to_init(child);
        event |= child->zombie;
        group_check_orphaned(child, process, NULL);
    }
    if (event)
        process_child_event(init_process());
}

/* Whether the parent does not want to hear of its children's ends: then init takes them. */
static bool is_unwanted(struct process *parent)
{
    struct signal_action action = signal_action_of(parent, SIGCHLD);

    return action.handler == (uaddr_t)SIG_IGN || (action.flags & SA_NOCLDWAIT);
}

static void become_zombie(struct process *process, int status)
{
    mutex_lock(&process_tree_lock);
    struct process *parent = process->parent;
    alarm_forget(process);
    terminal_leader_exits(process);
    orphan_children(process);
    group_check_orphaned(process, parent, process);
    process->exit_status = status;
    process->zombie = true;
    if (is_unwanted(parent)) {
        give_to_init(process);
        tell_of_end(process, init_process());
    }
    tell_of_end(process, parent);
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

/* Whether the child's last stop or continuation is news for who waits with `options`. */
static bool has_news(const struct process *child, int options)
{
    int wanted = child->stop_status == CONTINUED_STATUS ? WCONTINUED : WUNTRACED;

    return child->stop_status && (options & wanted);
}

/* One among the children that `pid` means that there is something to say of. `any`: whether there are such children at
   all. The tree lock is held. */
static struct process *find_child(const struct process *self, int pid, int options, bool *any)
{
    struct process *child;

    *any = false;
    TAILQ_FOREACH (child, &self->children, sibling) {
        if (!is_meant(child, self, pid))
            continue;
        *any = true;
        if (child->zombie || has_news(child, options))
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

/* What wait4 says of a child. */
struct wait_result {
    int pid, status;
    struct process_usage usage;
    struct process *dead; /* to be buried; NULL: it lives */
};

/* The tree lock is held. */
static void take_result(struct process *self, struct process *child, struct wait_result *result)
{
    *result = (struct wait_result){.pid = child->pid, .usage = process_usage(child)};
    usage_add(&result->usage, &child->children_usage);
    if (child->zombie) {
        result->status = child->exit_status;
        result->dead = child;
        process_unlink(child);
        usage_add(&self->children_usage, &result->usage);
    } else {
        result->status = child->stop_status;
        child->stop_status = 0;
    }
}

/* One look at the children: whether there is a result. -ECHILD: there never will be. `seen` is the number of events
   before the look. */
static int look(int pid, int options, struct wait_result *result, unsigned *seen)
{
    struct process *self = process_current();
    bool any;

    mutex_lock(&process_tree_lock);
    *seen = atomic_load(&self->child_events);
    struct process *child = find_child(self, pid, options, &any);
    if (child)
        take_result(self, child, result);
    mutex_unlock(&process_tree_lock);
    if (child)
        return 1;
    return any ? 0 : -ECHILD;
}

int process_wait(int pid, int options, int *status, struct process_usage *usage)
{
    struct wait_result result;
    unsigned seen;
    int found;

    while ((found = look(pid, options, &result, &seen)) == 0) {
        if (options & WNOHANG)
            return 0;
        int err = process_wait_event(seen, waitq_sleep);
        if (err)
            return err;
    }
    if (found < 0)
        return found;
    *status = result.status;
    *usage = result.usage;
    if (result.dead) {
        thread_destroy(result.dead->thread);
        process_free(result.dead);
    }
    return result.pid;
}
