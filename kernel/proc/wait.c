/* Waiting for children and tracees.

   A child has up to two statuses to report, one after the other: of its stop or continuation, and
   of its end. Its tracer has the status of each ptrace stop, and the end first. The end of a thread
   that is not the leader has a status for its tracer only, and before the end of the process. To
   report a status takes it, unless WNOWAIT is set; a zombie is reaped with it.

   Nobody waits for a process whose parent ignores SIGCHLD. It is freed by init, in a wait, and by
   whoever forks: where processes end faster than init runs, those that make them free them.

   Always true: a zombie is reaped once, by its parent; the caller finds every frame of it free.

   Lock: the tree lock for each look; none for the sleep, and while a zombie is freed. */

#include <linux/errno.h>
#include <linux/wait.h>
#include <arch/atomic.h>
#include <lib/panic.h>
#include <proc/news.h>
#include <proc/process.h>
#include <proc/ptrace.h>
#include <proc/wait.h>

/* ---- Finding a child ---- */

/* Returns true if the request selects a child of this group, or a task with this number. */
static bool wait_is_meant(const struct wait_request *request, const struct process *self, int id,
                          const struct process *child)
{
    switch (request->which) {
    case P_PID:
        return id == request->id;
    case P_PGID:
        return child->pgid == (request->id ? request->id : self->pgid);
    default:
        return true;
    }
}

/* Returns the process that has the first claim to the end of the child. */
static struct process *tracer_of(const struct process *child)
{
    return child->leader->ptrace.tracer;
}

/* Returns true if the options ask for children of this kind: those that send another signal than
   SIGCHLD, or none, are waited for with __WCLONE or __WALL only. A tracer waits for all. */
static bool is_kind_meant(const struct process *child, const struct process *self, int options)
{
    bool is_clone = child->exit_signal != SIGCHLD;

    if ((options & __WNOTHREAD) && child->parent == self && child->creator != task_current())
        return false;
    return tracer_of(child) == self || (options & __WALL) || is_clone == !!(options & __WCLONE);
}

/* Returns the place of the next status of a child for its parent, where 0 means no status. */
static int *wait_status_of(struct process *child)
{
    return child->zombie ? &child->exit_status : &child->stop_status;
}

/* Returns true if the child has a status that the options ask for. An end is reported to the tracer
   first. */
static bool has_status(const struct process *child, const struct process *self, int options)
{
    const struct process *tracer = tracer_of(child);

    if (child->zombie)
        return (options & WEXITED) && !child->unseen_ends && (!tracer || tracer == self);
    int wanted = child->stop_status == STATUS_CONTINUED ? WCONTINUED : WSTOPPED;
    return child->parent == self && child->stop_status && (options & wanted);
}

/* Returns true if the child may have a status in the future. */
static bool may_have_status(const struct process *child, const struct process *self)
{
    const struct process *tracer = tracer_of(child);

    return !child->zombie || child->unseen_ends || (tracer && tracer != self);
}

/* What a wait has found: a task that has stopped or ended, for its tracer, the caller; or a
   process. */
struct found {
    struct task *tracee;     /* NULL: none */
    struct process *process; /* NULL: none */
    bool is_any;             /* a child or tracee that matches may have a status later */
};

/* Returns true if the child matches the request and has a status. */
static bool wait_matches(const struct wait_request *request, const struct process *self,
                         struct process *child, struct found *found)
{
    if (!wait_is_meant(request, self, child->pid, child) ||
        !is_kind_meant(child, self, request->options))
        return false;
    found->is_any |= may_have_status(child, self);
    news_check_continue(child);
    if (!has_status(child, self, request->options))
        return false;
    found->process = child;
    return true;
}

/* Returns true if the tracee matches the request and has a status for its tracer, `self`. The end
   of the leader is that of its process. */
static bool wait_matches_tracee(const struct wait_request *request, const struct process *self,
                                struct task *tracee, struct found *found)
{
    if (tracee->process->zombie && tracee == tracee->process->leader)
        return wait_matches(request, self, tracee->process, found);
    if (!wait_is_meant(request, self, tracee->tid, tracee->process))
        return false;
    found->is_any = true;
    bool is_end = tracee->has_ended && tracee != tracee->process->leader;
    if (is_end ? !(request->options & WEXITED) : !tracee->ptrace.status)
        return false;
    found->tracee = tracee;
    return true;
}

/* Finds a child or tracee that matches the request and has a status. The lists are as long as the
   caller has children, and tasks that it traces. A child with a given number is found without. */
static struct found wait_find(const struct wait_request *request, const struct process *self)
{
    struct process *child;
    struct task *tracee;
    struct found found = {};

    TAILQ_FOREACH (tracee, &self->tracees, ptrace.link)
        if (wait_matches_tracee(request, self, tracee, &found))
            return found;
    if (request->which == P_PID) {
        child = process_find(request->id);
        if (child && child->parent == self)
            (void)wait_matches(request, self, child, &found);
        return found;
    }
    TAILQ_FOREACH (child, &self->children, sibling)
        if (wait_matches(request, self, child, &found))
            return found;
    return found;
}

/* ---- Reporting its status ---- */

static void wait_add_usage(struct process_usage *sum, const struct process_usage *part)
{
    sum->minor_faults += part->minor_faults;
    sum->cpu.user_ns += part->cpu.user_ns;
    sum->cpu.kernel_ns += part->cpu.kernel_ns;
}

/* Returns the status of a tracee that has stopped or ended. */
static int tracee_status(const struct task *tracee)
{
    return tracee->has_ended ? task_end_status(tracee) : tracee->ptrace.status;
}

static struct wait_result wait_report(const struct found *found)
{
    const struct task *tracee = found->tracee;
    struct process *process = tracee ? tracee->process : found->process;
    struct wait_result result = {
        .pid = tracee ? tracee->tid : process->pid,
        .status = tracee ? tracee_status(tracee) : *wait_status_of(process),
        .is_trap = tracee && !tracee->has_ended,
        .usage = process_usage(process),
    };

    wait_add_usage(&result.usage, &process->children_usage);
    return result;
}

/* Takes the status of a tracee. If it has ended, its process may have news now. */
static void tracee_take(struct task *tracee)
{
    tracee->ptrace.status = 0;
    if (!tracee->has_ended)
        return;
    ptrace_end(tracee);
    if (tracee->process->zombie)
        news_of_end(tracee->process);
}

/* Takes the status that `result` reports. Returns the child if it is a zombie of `self`, which is
   now unlinked and must be freed; else NULL. The zombie of another parent goes to that parent. */
static struct process *wait_take(struct process *self, const struct found *found,
                                 const struct wait_result *result)
{
    struct process *child = found->process;

    if (found->tracee) {
        tracee_take(found->tracee);
        return NULL;
    }
    if (!child->zombie) {
        *wait_status_of(child) = 0;
        return NULL;
    }
    ptrace_end(child->leader);
    if (child->parent != self) {
        news_of_end(child);
        return NULL;
    }
    process_unlink(child);
    wait_add_usage(&self->children_usage, &result->usage);
    return child;
}

static void reap(struct process *dead)
{
    struct task *task;

    while ((task = TAILQ_FIRST(&dead->ended))) {
        TAILQ_REMOVE(&dead->ended, task, link);
        task_free(task);
    }
    process_free(dead);
}

void process_reap_disowned(unsigned count)
{
    struct process *dead;

    while (count-- > 0 && (dead = process_take_disowned()))
        reap(dead);
}

/* Looks at the children once. Returns 1 with a result, 0 if there is none yet. *seen is the
   news_count before the look. -ECHILD: there never will be a result. */
static int wait_look(const struct wait_request *request, struct wait_result *result, unsigned *seen)
{
    struct process *self = process_current(), *dead = NULL;

    *seen = atomic_load(&self->news_count); /* before the looks: what comes after them is new */
    if (self->pid == INIT_PID)
        process_reap_disowned(~0u);
    mutex_lock(&process_tree_lock);
    struct found found = wait_find(request, self);
    bool is_found = found.tracee || found.process;
    if (is_found) {
        *result = wait_report(&found);
        if (!(request->options & WNOWAIT))
            dead = wait_take(self, &found, result);
    }
    mutex_unlock(&process_tree_lock);
    if (dead)
        reap(dead);
    if (is_found)
        return 1;
    return found.is_any ? 0 : -ECHILD;
}

int process_wait(const struct wait_request *request, struct wait_result *result)
{
    unsigned seen;
    int found;

    while ((found = wait_look(request, result, &seen)) == 0) {
        if (request->options & WNOHANG)
            return 0;
        int err = news_wait(seen, waitq_sleep);
        if (err)
            return err;
    }
    return found;
}
