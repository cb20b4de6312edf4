/* Taking signals, on the way back to user mode.

       action of the signal     effect
       ignored                  none
       default                  by its number: none; a stop, until SIGCONT or SIGKILL; the end
       a handler                its frame is pushed (sigframe.c); user mode goes on in the handler

   A tracer sees each signal first, and may replace or suppress it (ptrace.c). A system call that
   the signal has interrupted ends, or is started again (restart.c).

   Always true: no pending signal that is not blocked is left when the process is in user mode. If
   several have handlers, each frame is pushed on top of the one before, so the last one runs first.

   Locks: signals.lock to take and choose; the tree lock while the parent is notified of a stop. A
   stopped process is at rest (sched/world.h). */

#include <arch/trap.h>
#include <lib/panic.h>
#include <proc/news.h>
#include <proc/process.h>
#include <proc/ptrace.h>
#include <proc/restart.h>
#include <proc/session.h>
#include <sched/run.h>
#include "signal_set.h"

/* ---- Stopping ---- */

/* Returns true if the stop that the task has taken is to begin. If the group is orphaned, a stop
   signal other than SIGSTOP is discarded, because no process would continue the job. If SIGCONT or
   SIGKILL was posted since, the stop is over already. A process that is ending does not stop. If another task has stopped the process, this
   one goes to sleep by its next look. signals.lock and the tree lock are held. */
static bool is_stop_due(const struct task *self, int signo)
{
    if (signo != SIGSTOP && group_is_orphaned(self->process->pgid, NULL))
        return false;
    return self->signals.may_stop && !is_job_stopped(self) && !signal_must_end(self);
}

/* Begins the stop of the process, if it is due. Tasks that sleep in an earlier stop, in which a
   tracer lets the current one run, sleep on; their tracers are told of this stop, too. */
static bool job_stop_begin(struct task *self, int signo)
{
    struct signal_state *state = &self->process->signals;
    struct task *task;

    mutex_lock(&process_tree_lock);
    spin_lock(&state->lock);
    bool is_due = is_stop_due(self, signo);
    self->signals.may_stop = false;
    if (is_due) {
        state->job = JOB_STOPPED;
        state->stop_number++;
        state->stop_signo = signo;
        state->continue_due = false;
        TAILQ_FOREACH (task, &self->process->tasks, link)
            if (task != self)
                thread_interrupt(task->thread, WORK_SIGNAL);
        waitq_wake_all(&state->continued);
    }
    spin_unlock(&state->lock);
    mutex_unlock(&process_tree_lock);
    return is_due;
}

/* Counts the current task as asleep, or no more, and notifies the parent if the stop is now
   complete. */
static void job_count_asleep(struct process *self, int change)
{
    mutex_lock(&process_tree_lock);
    spin_lock(&self->signals.lock);
    self->signals.asleep += change;
    spin_unlock(&self->signals.lock);
    if (change > 0)
        news_check_stop(self);
    mutex_unlock(&process_tree_lock);
}

/* Notifies the parent that the process goes on, if it was notified of the stop. */
static void job_tell_continue(struct process *self)
{
    mutex_lock(&process_tree_lock);
    news_check_continue(self);
    mutex_unlock(&process_tree_lock);
}

/* Returns true if the task's tracer is to be told of the stop: of a new one, or again, because it
   asks. signals.lock is held. */
static bool is_tracer_to_be_told(const struct task *self)
{
    bool is_new = self->signals.told_stop != self->process->signals.stop_number;

    return is_trap_due(self) || (is_traced(self) && is_new);
}

/* Sleeps while the process is stopped. If the tracer is to be told of the stop, returns its signal;
   if the stop is over, 0.

   WORK_KILL alone ends no stop; it is cleared, so that the next sleep does not end at once. No
   SIGKILL is missed, because its sender adds it to `pending`, under the lock, before it sets
   WORK_KILL. */
static int job_stop_sleep(struct task *self)
{
    struct signal_state *state = &self->process->signals;

    spin_lock(&state->lock);
    while (is_job_stopped(self) && !is_tracer_to_be_told(self) && !signal_must_end(self)) {
        atomic_and(&thread_current()->work, ~WORK_KILL);
        (void)!waitq_sleep_killable(&state->continued, &state->lock);
    }
    int signo = is_job_stopped(self) && !signal_must_end(self) ? state->stop_signo : 0;
    spin_unlock(&state->lock);
    return signo;
}

/* Stops until SIGCONT or SIGKILL. A tracee also stops for its tracer, at once and whenever that is
   to be told; the tracer may let it run in spite of the stop. */
static void job_stop(struct task *self, int signo)
{
    job_count_asleep(self->process, 1);
    do
        ptrace_group_stop(signo);
    while ((signo = job_stop_sleep(self)));
    job_count_asleep(self->process, -1);
}

/* ---- Taking ---- */

enum disposition { IGNORE, STOP, DIE, CALL };

/* Returns what to do about the signal; for CALL, *action is its handler's. The lock is held. */
static enum disposition choose(struct task *self, const struct signal_info *info,
                               struct signal_action *action)
{
    struct signal_state *state = &self->process->signals;
    int signo = info->signo;

    assert(spin_is_held(&state->lock));
    if (self->signals.blocked & BIT(signo)) { /* a tracer has replaced another signal by it */
        (void)signal_queue_add(&self->signals.pending, info, ~0ul);
        return IGNORE;
    }
    if (signal_is_ignored(state, signo))
        return IGNORE;
    *action = action_use(state->actions, signo);
    if (!has_handler(action))
        return BIT(signo) & DEFAULT_STOP ? STOP : DIE;
    return CALL;
}

/* The next action of signal delivery. */
struct next {
    bool is_end;       /* the end of the task: the process ends, or another task execs */
    bool is_continued; /* else to tell the parent that a stop is over */
    int stop_signo;    /* else, if not 0, to sleep, because the process has stopped */
    bool is_trap;      /* else a stop that the tracer waits for */
    bool is_signal;    /* else a signal, which was taken */
    bool is_traced;    /* and which the tracer sees first */
};

static struct next take_next(struct task *self, struct signal_info *info)
{
    struct signal_state *state = &self->process->signals;
    struct next next = {};

    spin_lock(&state->lock);
    bool is_killed = signal_pending_of(self) & BIT(SIGKILL);
    if (!is_killed) {
        next.is_end = signal_must_end(self);
        next.is_continued = state->continue_due && state->job == JOB_RUNNING;
        next.stop_signo = is_job_stopped(self) ? state->stop_signo : 0;
        next.is_trap = is_trap_due(self);
    }
    if (!next.is_end && !next.is_continued && !next.stop_signo && !next.is_trap)
        next.is_signal = signal_take(self, is_killed ? BIT(SIGKILL) : ~self->signals.blocked, info);
    next.is_traced = next.is_signal && is_traced(self) && info->signo != SIGKILL;
    spin_unlock(&state->lock);
    return next;
}

/* Acts on a signal. Returns true if its handler is to be called. */
static bool act_on(struct task *self, const struct signal_info *info, struct signal_action *action)
{
    struct process *process = self->process;

    spin_lock(&process->signals.lock);
    enum disposition what = choose(self, info, action);
    spin_unlock(&process->signals.lock);
    if (what == DIE)
        process_exit_by_signal(info);
    if (what == STOP && job_stop_begin(self, info->signo))
        job_stop(self, info->signo);
    return what == CALL;
}

/* Takes signals until one has a handler. Returns false if none has. */
static bool next_for_handler(struct task *self, struct signal_info *info,
                             struct signal_action *action)
{
    for (;;) {
        struct next next = take_next(self, info);

        if (next.is_end)
            task_exit(0);
        else if (next.is_continued)
            job_tell_continue(self->process);
        else if (next.stop_signo)
            job_stop(self, next.stop_signo);
        else if (next.is_trap)
            ptrace_trap();
        else if (!next.is_signal)
            return false;
        else if ((!next.is_traced || ptrace_signal(info)) && act_on(self, info, action))
            return true;
    }
}

/* ---- Handlers ---- */

/* Returns the mask that a handler returns to: that from before rt_sigsuspend, or the present
   one. */
static uint64_t mask_to_return_to(struct task_signals *mine)
{
    uint64_t mask = mine->has_saved_mask ? mine->saved_mask : mine->blocked;

    mine->has_saved_mask = false;
    return mask;
}

static void call_handler(struct task_signals *mine, struct trapframe *tf,
                         const struct signal_info *info, const struct signal_action *action)
{
    uint64_t mask = mask_to_return_to(mine);
    uint64_t own = action->flags & SA_NODEFER ? 0 : BIT(info->signo);

    mine->resume_ns = 0;
    if (sigframe_push(tf, info, action, mask) == 0) {
        signal_change_mask(mine->blocked | action->mask | own);
        return;
    }
    /* If the signal is SIGSEGV, its handler cannot be called: blocked, the next SIGSEGV is
       fatal. */
    signal_change_mask(info->signo == SIGSEGV ? mask | BIT(SIGSEGV) : mask);
    sigframe_refuse(tf, "no place for the frame of a signal handler");
}

/* Sends SIGSEGV if user mode would go on at an address that is not canonical, where trap_return
   cannot go. The jump raised a signal already, but a tracer may have suppressed it. */
static void refuse_address(const struct trapframe *tf)
{
    if (tf->rip >= USER_END && tf->rip < DIRECT_MAP_BASE)
        (void)signal_force(&(struct signal_info){.signo = SIGSEGV, .code = SI_KERNEL});
}

void signal_deliver(struct trapframe *tf)
{
    struct task *self = task_current();
    struct signal_info info;
    struct signal_action action;

    /* Cleared before the look: a signal that is posted after it sets the bits again. */
    atomic_and(&thread_current()->work, ~(WORK_SIGNAL | WORK_KILL));
    if (next_for_handler(self, &info, &action)) {
        restart_finish(tf, &action);
        call_handler(&self->signals, tf, &info, &action);
        return;
    }
    restart_finish(tf, NULL);
    signal_return_mask();
    refuse_address(tf);
}
