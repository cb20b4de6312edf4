/* News: what a process learns of its children and tracees.

       change              receiver                           SIGCHLD
       stop, continuation  the parent, unless it traces       unless SA_NOCLDSTOP
       ptrace stop         the tracer                         unless SA_NOCLDSTOP
       end of a process    a tracer that is not the parent;   always
                           the parent, when nobody else       its exit_signal instead, if any
                           traces the process
       end of a thread     its tracer                         always
       end of a vfork      the parent                         never

   The end of a process is news when every tracer of one of its threads has waited for that thread.
   A parent that ignores SIGCHLD does not want its zombies: nobody waits for them (process_disown).

   Always true: news_count of the receiver has grown before the sender drops the tree lock.

   Locks: the tree lock around all but the sleep; inside it news_lock, and signals.lock of the
   receiver, one after the other. */

#include <lib/panic.h>
#include <proc/news.h>
#include <proc/process.h>
#include "signal_set.h"

/* ---- Sleeping and waking ---- */

void news_wake(struct process *to)
{
    spin_lock(&to->news_lock);
    to->news_count++;
    waitq_wake_all(&to->news_waitq);
    spin_unlock(&to->news_lock);
}

int news_wait(unsigned seen, waitq_sleep_fn *sleep)
{
    struct process *self = process_current();
    int err = 0;

    spin_lock(&self->news_lock);
    while (self->news_count == seen && !err)
        err = sleep(&self->news_waitq, &self->news_lock);
    spin_unlock(&self->news_lock);
    return err;
}

/* ---- Stops and continuations ---- */

struct signal_info news_child_info(int pid, int status)
{
    struct signal_info info = {.signo = SIGCHLD, .pid = pid};

    if (status == STATUS_CONTINUED) {
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

/* Notifies `to` of a change that is not an end. */
static void news_send(struct process *to, const struct signal_info *info)
{
    news_wake(to);
    if (!(signal_action_of(to, SIGCHLD).flags & SA_NOCLDSTOP))
        signal_send(to, info);
}

static void news_of_change(struct process *process, int status)
{
    struct process *parent = process->parent;

    assert(mutex_is_held(&process_tree_lock));
    if (!parent ||
        parent == process->leader->ptrace.tracer) /* a tracer was told, by a stop of its own */
        return;
    process->stop_status = status;
    const struct signal_info info = news_child_info(process->pid, status);
    news_send(parent, &info);
}

void news_of_stop(struct process *process, int signo)
{
    news_of_change(process, STATUS_STOPPED(signo));
}

void news_check_continue(struct process *process)
{
    struct signal_state *state = &process->signals;

    assert(mutex_is_held(&process_tree_lock));
    spin_lock(&state->lock);
    bool is_due = state->continue_due && state->job != JOB_STOPPED;
    state->continue_due = false;
    spin_unlock(&state->lock);
    if (is_due)
        news_of_change(process, STATUS_CONTINUED);
}

void news_check_stop(struct process *process)
{
    struct signal_state *state = &process->signals;
    unsigned count = 0;
    struct task *task;

    assert(mutex_is_held(&process_tree_lock));
    spin_lock(&state->lock);
    TAILQ_FOREACH (task, &process->tasks, link)
        count += is_job_stopped(task);
    int signo = state->stop_signo;
    bool is_complete = signo && !state->stop_told && state->asleep >= count;
    state->stop_told |= is_complete;
    spin_unlock(&state->lock);
    if (is_complete)
        news_of_stop(process, signo);
}

void news_of_ptrace_stop(struct task *task, int signo)
{
    const struct signal_info info = {
        .signo = SIGCHLD, .code = CLD_TRAPPED, .pid = task->tid, .status = signo};

    assert(mutex_is_held(&process_tree_lock));
    news_send(task->ptrace.tracer, &info);
}

/* ---- Ends ---- */

/* `signo` is the signal for the receiver; if there is none of that number, it is only woken. */
static void news_send_end(int id, int status, int signo, struct process *to)
{
    struct signal_info info = news_child_info(id, status);

    news_wake(to); /* even a parent that ignores SIGCHLD: this may have been its last child */
    info.signo = signo;
    if (is_signal(signo))
        signal_send(to, &info);
}

static void news_send_exit(const struct process *process, int signo, struct process *to)
{
    news_send_end(process->pid, process->exit_status, signo, to);
}

void news_of_task_end(const struct task *task)
{
    news_send_end(task->tid, task_end_status(task), SIGCHLD, task->ptrace.tracer);
}

/* Returns true if the parent does not reap the process, because it ignores SIGCHLD or sets
   SA_NOCLDWAIT. Only a child that sends SIGCHLD can be ignored. */
static bool is_ignored_child(const struct process *process)
{
    struct signal_action action = signal_action_of(process->parent, SIGCHLD);

    return process->exit_signal == SIGCHLD &&
           (action.handler == (uaddr_t)SIG_IGN || (action.flags & SA_NOCLDWAIT));
}

void news_of_end(struct process *process)
{
    struct process *parent = process->parent, *tracer = process->leader->ptrace.tracer;

    assert(mutex_is_held(&process_tree_lock) && process->zombie);
    if (process->unseen_ends)
        return;
    if (tracer && tracer != parent) {
        news_send_exit(process, SIGCHLD, tracer);
        return;
    }
    if (!tracer && is_ignored_child(process)) { /* a tracer waits for its tracees */
        process_disown(process);
        news_wake(process_find(INIT_PID)); /* wait.c frees it */
    }
    news_send_exit(process, process->exit_signal, parent);
}

void news_of_vfork_end(struct process *process)
{
    mutex_lock(&process_tree_lock);
    if (process->is_vforked)
        news_wake(process->parent);
    process->is_vforked = false;
    mutex_unlock(&process_tree_lock);
}
