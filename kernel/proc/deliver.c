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
#include "signal_set.h"

/* ---- Stopping ---- */

/* Notifies the parent of a stop. If the group is orphaned, a stop signal other than SIGSTOP is
   discarded, because no process would continue the job; then returns false. */
static bool job_stop_begin(struct process *self, int signo)
{
    mutex_lock(&process_tree_lock);
    bool is_futile = signo != SIGSTOP && group_is_orphaned(self->pgid, NULL);
    if (!is_futile)
        news_of_stop(self, signo);
    mutex_unlock(&process_tree_lock);
    if (!is_futile)
        return true;
    spin_lock(&self->signals.lock);
    self->signals.stopped = false;
    spin_unlock(&self->signals.lock);
    return false;
}

/* The reasons for the end of a stop: SIGCONT, SIGKILL, or a new stop that the tracer requested. */
enum wakeup { WAKEUP_CONTINUED, WAKEUP_KILLED, WAKEUP_TRAPPED };

/* Sleeps while the process is stopped.

   WORK_KILL alone ends no stop, and is cleared. It may come from a fatal signal that was posted
   after the stop was taken and before it began; that signal stays pending until the stop ends. No
   SIGKILL is missed, because its sender adds it to `pending`, under the lock, before it sets
   WORK_KILL. */
static enum wakeup job_stop_sleep(struct signal_state *state)
{
    enum wakeup why = WAKEUP_CONTINUED;

    spin_lock(&state->lock);
    while (state->stopped && !state->trap_wanted && !(state->pending & BIT(SIGKILL))) {
        atomic_and(&thread_current()->work, ~WORK_KILL);
        (void)!waitq_sleep_killable(&state->continued, &state->lock);
    }
    if (state->pending & BIT(SIGKILL))
        why = WAKEUP_KILLED;
    else if (state->stopped && state->trap_wanted)
        why = WAKEUP_TRAPPED;
    spin_unlock(&state->lock);
    return why;
}

/* Stops until SIGCONT or SIGKILL. A tracee also stops for its tracer, at once and whenever that
   asks for it. If the tracer resumes it, the job stop is over, and the parent is not notified. */
static void job_stop(struct process *self, int signo)
{
    enum wakeup why;

    if (!job_stop_begin(self, signo))
        return;
    do {
        if (ptrace_group_stop(signo) && !self->signals.stopped)
            return;
        why = job_stop_sleep(&self->signals);
    } while (why == WAKEUP_TRAPPED);
    if (why == WAKEUP_KILLED)
        return;
    mutex_lock(&process_tree_lock);
    news_of_continue(self);
    mutex_unlock(&process_tree_lock);
}

/* ---- Taking ---- */

enum disposition { IGNORE, STOP, DIE, CALL };

/* Returns what to do about the signal; for CALL, *action is its handler's. The lock is held. */
static enum disposition choose(struct signal_state *state, const struct signal_info *info,
                               struct signal_action *action)
{
    int signo = info->signo;
    struct signal_action *mine = &state->actions[signo - 1];

    assert(spin_is_held(&state->lock));
    if (state->blocked & BIT(signo)) { /* a tracer has replaced another signal by it */
        state->pending |= BIT(signo);
        state->infos[signo - 1] = *info;
        return IGNORE;
    }
    if (signal_is_ignored(state, signo))
        return IGNORE;
    if (!has_handler(mine)) {
        if (!(BIT(signo) & DEFAULT_STOP))
            return DIE;
        /* If SIGCONT or SIGKILL was posted since the stop was taken, the stop is over already. */
        state->stopped = state->stop_taken;
        return state->stopped ? STOP : IGNORE;
    }
    *action = *mine;
    if (mine->flags & SA_RESETHAND)
        mine->handler = (uaddr_t)SIG_DFL;
    return CALL;
}

/* The next action of signal delivery. */
struct next {
    bool is_trap;   /* a stop that the tracer requested */
    bool is_signal; /* else a signal, which was taken */
    bool is_traced; /* and which the tracer sees first */
};

static struct next take_next(struct signal_state *state, struct signal_info *info)
{
    spin_lock(&state->lock);
    bool is_trap_due = state->trap_wanted || state->continue_untold;
    struct next next = {.is_trap = is_trap_due && !(state->pending & BIT(SIGKILL))};
    state->trap_wanted = state->continue_untold = false;
    if (!next.is_trap)
        next.is_signal = signal_take(state, ~state->blocked, info);
    next.is_traced = next.is_signal && state->traced && info->signo != SIGKILL;
    spin_unlock(&state->lock);
    return next;
}

/* Acts on a signal. Returns true if its handler is to be called. */
static bool act_on(struct process *self, const struct signal_info *info,
                   struct signal_action *action)
{
    spin_lock(&self->signals.lock);
    enum disposition what = choose(&self->signals, info, action);
    spin_unlock(&self->signals.lock);
    if (what == DIE)
        process_exit_by_signal(info);
    if (what == STOP)
        job_stop(self, info->signo);
    return what == CALL;
}

/* Takes signals until one has a handler. Returns false if none has. */
static bool next_for_handler(struct process *self, struct signal_info *info,
                             struct signal_action *action)
{
    for (;;) {
        struct next next = take_next(&self->signals, info);

        if (next.is_trap)
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
static uint64_t mask_to_return_to(struct signal_state *state)
{
    uint64_t mask = state->has_saved_mask ? state->saved_mask : state->blocked;

    state->has_saved_mask = false;
    return mask;
}

static void call_handler(struct signal_state *state, struct trapframe *tf,
                         const struct signal_info *info, const struct signal_action *action)
{
    uint64_t mask = mask_to_return_to(state);
    uint64_t own = action->flags & SA_NODEFER ? 0 : BIT(info->signo);

    state->resume_ns = 0;
    if (sigframe_push(tf, info, action, mask) == 0) {
        signal_change_mask(state->blocked | action->mask | own);
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
    struct process *self = process_current();
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
