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

struct signal_info process_child_info(int pid, int status)
{
    struct signal_info info = {.signo = SIGCHLD, .pid = pid};

    if (status == CONTINUED_STATUS) {
        info.code = CLD_CONTINUED;
        info.status = SIGCONT;
    } else if ((status & 0xff) == 0x7f) {
        info.code = CLD_STOPPED;
        info.status = status >> 8;
    } else if (status & 0x7f) {
        info.code = CLD_KILLED;
        info.status = status & 0x7f;
    } else {
        info.code = CLD_EXITED;
        info.status = status >> 8;
    }
    return info;
}

static void send_child_signal(const struct process *child, struct process *parent, int status)
{
    const struct signal_info info = process_child_info(child->pid, status);

    signal_send(parent, &info);
}

static void tell_of_change(struct process *process, int status)
{
    struct process *parent = process->parent;

    if (!parent)
        return;
    process->stop_status = status;
    process_child_event(parent);
    if (!(signal_action_of(parent, SIGCHLD).flags & SA_NOCLDSTOP))
        send_child_signal(process, parent, status);
}

void process_tell_stopped(struct process *process, int signo)
{
    tell_of_change(process, STOPPED_STATUS(signo));
}

void process_tell_continued(struct process *process)
{
    tell_of_change(process, CONTINUED_STATUS);
}

static void tell_of_end(const struct process *process, struct process *parent)
{
    process_child_event(parent); /* it may be waiting for the last one */
    send_child_signal(process, parent, process->exit_status);
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

static bool is_meant(const struct process *child, const struct process *self,
                     const struct wait_request *request)
{
    switch (request->which) {
    case P_PID:
        return child->pid == request->id;
    case P_PGID:
        return child->pgid == (request->id ? request->id : self->pgid);
    default:
        return true;
    }
}

/* Whether there is something to say of the child that is asked for. */
static bool has_news(const struct process *child, int options)
{
    int wanted = child->stop_status == CONTINUED_STATUS ? WCONTINUED : WSTOPPED;

    if (child->zombie)
        return options & WEXITED;
    return child->stop_status && (options & wanted);
}

/* One among the children that are meant that there is something to say of. `any`: whether there are such children, of
   whom there may be something to say in the future. The tree lock is held. */
static struct process *find_child(const struct process *self, const struct wait_request *request,
                                  bool *any)
{
    struct process *child;

    *any = false;
    TAILQ_FOREACH (child, &self->children, sibling) {
        if (!is_meant(child, self, request))
            continue;
        if (has_news(child, request->options))
            return child;
        *any |= !child->zombie;
    }
    return NULL;
}

static void usage_add(struct process_usage *sum, const struct process_usage *part)
{
    sum->minor_faults += part->minor_faults;
    sum->ticks_user += part->ticks_user;
    sum->ticks_kernel += part->ticks_kernel;
}

static int status_of(const struct process *child)
{
    return child->zombie ? child->exit_status : child->stop_status;
}

/* The news of a child. Unless they are to stay: the child, if it is dead and is to be buried now, or NULL. The tree lock
   is held. */
static struct process *take_news(struct process *self, struct process *child, bool stay,
                                 struct wait_result *result)
{
    *result = (struct wait_result){
        .pid = child->pid, .status = status_of(child), .usage = process_usage(child)};
    usage_add(&result->usage, &child->children_usage);
    if (stay)
        return NULL;
    if (!child->zombie) {
        child->stop_status = 0;
        return NULL;
    }
    process_unlink(child);
    usage_add(&self->children_usage, &result->usage);
    return child;
}

static void bury(struct process *dead)
{
    thread_destroy(dead->thread);
    process_free(dead);
}

/* One look at the children: whether there is a result. -ECHILD: there never will be. `seen` is the number of events
   before the look. */
static int look(const struct wait_request *request, struct wait_result *result, unsigned *seen)
{
    struct process *self = process_current(), *dead = NULL;
    bool any;

    mutex_lock(&process_tree_lock);
    *seen = atomic_load(&self->child_events);
    struct process *child = find_child(self, request, &any);
    if (child)
        dead = take_news(self, child, request->options & WNOWAIT, result);
    mutex_unlock(&process_tree_lock);
    if (dead)
        bury(dead);
    if (child)
        return 1;
    return any ? 0 : -ECHILD;
}

int process_wait(const struct wait_request *request, struct wait_result *result)
{
    unsigned seen;
    int found;

    while ((found = look(request, result, &seen)) == 0) {
        if (request->options & WNOHANG)
            return 0;
        int err = process_wait_event(seen, waitq_sleep);
        if (err)
            return err;
    }
    return found;
}
