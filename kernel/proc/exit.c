/* The end of a process, and waiting for it.

   Exit gives back all that the process has, and only then becomes a zombie: who has waited for it finds every frame
   free again but its kernel stack, which the waiter takes back. Exit never allocates.

   Lock: the tree lock (t), while parents, children and zombies change; none while memory and files are given back. */

#include <linux/errno.h>
#include <linux/wait.h>
#include <arch/power.h>
#include <lib/panic.h>
#include <proc/process.h>
#include <proc/session.h>

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
    thread_set_space(NULL);
    if (vspace)
        vspace_leave(vspace);
    vnode_exe_put(exe);
    news_of_vfork_end(process);
}

/* ---- Telling the parent ---- */

#define STOPPED_STATUS(signo) ((signo) << 8 | 0x7f)
#define CONTINUED_STATUS      0xffff

struct signal_info news_child_info(int pid, int status)
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
    const struct signal_info info = news_child_info(child->pid, status);

    signal_send(parent, &info);
}

/* Tells the parent or tracer of something that is not the end. */
static void tell(struct process *to, const struct signal_info *info)
{
    news_wake(to);
    if (!(signal_action_of(to, SIGCHLD).flags & SA_NOCLDSTOP))
        signal_send(to, info);
}

static void tell_of_change(struct process *process, int status)
{
    struct process *parent = process->parent;

    if (!parent || parent == process->ptrace.tracer) /* a tracer has heard of it, and more */
        return;
    process->stop_status = status;
    const struct signal_info info = news_child_info(process->pid, status);
    tell(parent, &info);
}

void news_of_stop(struct process *process, int signo)
{
    tell_of_change(process, STOPPED_STATUS(signo));
}

void news_of_continue(struct process *process)
{
    tell_of_change(process, CONTINUED_STATUS);
}

void news_of_ptrace_stop(struct process *process, int signo)
{
    const struct signal_info info = {
        .signo = SIGCHLD, .code = CLD_TRAPPED, .pid = process->pid, .status = signo};

    tell(process->ptrace.tracer, &info);
}

static void tell_of_end(const struct process *process, struct process *parent)
{
    news_wake(parent); /* it may be waiting for the last one */
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
        news_wake(init_process());
}

/* Whether the parent does not want to hear of its children's ends: then init takes them. */
static bool is_unwanted(struct process *parent)
{
    struct signal_action action = signal_action_of(parent, SIGCHLD);

    return action.handler == (uaddr_t)SIG_IGN || (action.flags & SA_NOCLDWAIT);
}

void news_of_end(struct process *process)
{
    struct process *parent = process->parent;

    if (is_unwanted(parent) && !process->ptrace.tracer) { /* who traces wants to know */
        give_to_init(process);
        tell_of_end(process, init_process());
    }
    tell_of_end(process, parent);
}

static void become_zombie(struct process *process, int status)
{
    mutex_lock(&process_tree_lock);
    struct process *parent = process->parent, *tracer = process->ptrace.tracer;
    alarm_forget(process);
    session_leave(process);
    ptrace_tracer_exits(process);
    orphan_children(process);
    group_check_orphaned(process, parent, process);
    process->exit_status = status;
    process->zombie = true;
    if (tracer && tracer != parent) /* the parent hears of it when the tracer has waited */
        tell_of_end(process, tracer);
    else
        news_of_end(process);
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

/* Whether there is something to say of the child or tracee that is asked for. Its end is its tracer's first. */
static bool has_news(const struct process *child, const struct process *self, int options)
{
    int wanted = child->stop_status == CONTINUED_STATUS ? WCONTINUED : WSTOPPED;
    const struct process *tracer = child->ptrace.tracer;

    if (child->zombie)
        return (options & WEXITED) && (!tracer || tracer == self);
    if (tracer == self && child->ptrace.status)
        return true;
    return child->parent == self && child->stop_status && (options & wanted);
}

/* Whether there may be something to say of it in the future. */
static bool may_have_news(const struct process *child, const struct process *self)
{
    const struct process *tracer = child->ptrace.tracer;

    return !child->zombie || (tracer && tracer != self);
}

/* One among the children and tracees that are meant that there is something to say of. `any`: whether there are such, of
   whom there may be something to say in the future. The tree lock is held. */
static struct process *find_child(const struct process *self, const struct wait_request *request,
                                  bool *any)
{
    struct process *child;

    *any = false;
    TAILQ_FOREACH (child, &self->children, sibling) {
        if (!is_meant(child, self, request))
            continue;
        if (has_news(child, self, request->options))
            return child;
        *any |= may_have_news(child, self);
    }
    TAILQ_FOREACH (child, &self->ptrace.tracees, ptrace.link) {
        if (!is_meant(child, self, request))
            continue;
        if (has_news(child, self, request->options))
            return child;
        *any |= may_have_news(child, self);
    }
    return NULL;
}

static void usage_add(struct process_usage *sum, const struct process_usage *part)
{
    sum->minor_faults += part->minor_faults;
    sum->ticks_user += part->ticks_user;
    sum->ticks_kernel += part->ticks_kernel;
}

/* The end of a child, who is to be buried; or of another's child that was traced: it is now its parent's to wait for, and
   the result is NULL. */
static struct process *take_end(struct process *self, struct process *child,
                                const struct wait_result *result)
{
    ptrace_end(child);
    if (child->parent != self) {
        news_of_end(child);
        return NULL;
    }
    process_unlink(child);
    usage_add(&self->children_usage, &result->usage);
    return child;
}

/* The status to be told next. */
static int *status_of(const struct process *self, struct process *child)
{
    if (child->zombie)
        return &child->exit_status;
    if (child->ptrace.tracer == self && child->ptrace.status)
        return &child->ptrace.status;
    return &child->stop_status;
}

/* The news of a child. Unless they are to stay: the child, if it is dead and is to be buried now, or NULL. The tree lock
   is held. */
static struct process *take_news(struct process *self, struct process *child, bool stay,
                                 struct wait_result *result)
{
    int *status = status_of(self, child);

    *result = (struct wait_result){.pid = child->pid,
                                   .status = *status,
                                   .is_trap = status == &child->ptrace.status,
                                   .usage = process_usage(child)};
    usage_add(&result->usage, &child->children_usage);
    if (stay)
        return NULL;
    if (child->zombie)
        return take_end(self, child, result);
    *status = 0;
    return NULL;
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
    *seen = atomic_load(&self->news_count);
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
        int err = news_wait(seen, waitq_sleep);
        if (err)
            return err;
    }
    return found;
}
