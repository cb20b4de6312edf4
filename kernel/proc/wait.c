/* Waiting for children and tracees.

   A child has up to two statuses to report, one after the other: of its stop or continuation, and
   of its end. Its tracer has the status of each ptrace stop, and the end first. To report a status
   takes it, unless WNOWAIT is set; a zombie is reaped with it.

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

static bool wait_is_meant(const struct wait_request *request, const struct process *self,
                          const struct process *child)
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

/* Returns the place of the next status for `self`, where 0 means no status. */
static int *wait_status_of(const struct process *self, struct process *child)
{
    if (child->zombie)
        return &child->exit_status;
    if (child->ptrace.tracer == self && child->ptrace.status)
        return &child->ptrace.status;
    return &child->stop_status;
}

/* Returns true if the child has a status that the options ask for. An end is reported to the tracer
   first. */
static bool has_status(const struct process *child, const struct process *self, int options)
{
    const struct process *tracer = child->ptrace.tracer;

    if (child->zombie)
        return (options & WEXITED) && (!tracer || tracer == self);
    if (tracer == self && child->ptrace.status)
        return true;
    int wanted = child->stop_status == STATUS_CONTINUED ? WCONTINUED : WSTOPPED;
    return child->parent == self && child->stop_status && (options & wanted);
}

/* Returns true if the child may have a status in the future. */
static bool may_have_status(const struct process *child, const struct process *self)
{
    const struct process *tracer = child->ptrace.tracer;

    return !child->zombie || (tracer && tracer != self);
}

/* Returns true if the child matches the request and has a status. Sets *is_any if it matches and
   may have one later. */
static bool wait_matches(const struct wait_request *request, const struct process *self,
                         const struct process *child, bool *is_any)
{
    if (!wait_is_meant(request, self, child))
        return false;
    *is_any |= may_have_status(child, self);
    return has_status(child, self, request->options);
}

/* Finds a child or tracee that matches the request and has a status. Returns NULL if there is
   none. Then *is_any is true if a child that matches may have a status later. */
static struct process *wait_find(const struct wait_request *request, const struct process *self,
                                 bool *is_any)
{
    struct process *child;

    *is_any = false;
    TAILQ_FOREACH (child, &self->children, sibling)
        if (wait_matches(request, self, child, is_any))
            return child;
    TAILQ_FOREACH (child, &self->ptrace.tracees, ptrace.link)
        if (wait_matches(request, self, child, is_any))
            return child;
    return NULL;
}

/* ---- Reporting its status ---- */

static void wait_add_usage(struct process_usage *sum, const struct process_usage *part)
{
    sum->minor_faults += part->minor_faults;
    sum->cpu.user_ns += part->cpu.user_ns;
    sum->cpu.kernel_ns += part->cpu.kernel_ns;
}

static struct wait_result wait_report(const struct process *self, struct process *child)
{
    const int *status = wait_status_of(self, child);
    struct wait_result result = {
        .pid = child->pid,
        .status = *status,
        .is_trap = status == &child->ptrace.status,
        .usage = process_usage(child),
    };

    wait_add_usage(&result.usage, &child->children_usage);
    return result;
}

/* Takes the status that `result` reports. Returns the child if it is a zombie of `self`, which is
   now unlinked and must be freed; else NULL. The zombie of another parent goes to that parent. */
static struct process *wait_take(struct process *self, struct process *child,
                                 const struct wait_result *result)
{
    if (!child->zombie) {
        *wait_status_of(self, child) = 0;
        return NULL;
    }
    ptrace_end(child);
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
    thread_destroy(dead->thread);
    process_free(dead);
}

/* Looks at the children once. Returns 1 with a result, 0 if there is none yet. *seen is the
   news_count before the look. -ECHILD: there never will be a result. */
static int wait_look(const struct wait_request *request, struct wait_result *result, unsigned *seen)
{
    struct process *self = process_current(), *dead = NULL;
    bool is_any;

    mutex_lock(&process_tree_lock);
    *seen = atomic_load(&self->news_count);
    struct process *child = wait_find(request, self, &is_any);
    if (child) {
        *result = wait_report(self, child);
        if (!(request->options & WNOWAIT))
            dead = wait_take(self, child, result);
    }
    mutex_unlock(&process_tree_lock);
    if (dead)
        reap(dead);
    if (child)
        return 1;
    return is_any ? 0 : -ECHILD;
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
