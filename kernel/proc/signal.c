/* Posting signals, and taking one that is pending.

   Posting sets the signal's bit, keeps its sender, and sets WORK_SIGNAL, which ends an
   interruptible sleep. A fatal signal, which is sure to end the process, sets WORK_KILL too; that
   ends the other sleeps that a signal may end (of a stopped process, of the parent in vfork).

   SIGCONT and SIGKILL continue a stopped process when they are posted, whatever its action is. To
   post a stop signal discards a pending SIGCONT, and to post SIGCONT discards pending stops.

   Always true: each signal is pending once at most; SIGKILL and SIGSTOP are never blocked.

   Lock: signals.lock of each process (RANK_PIPE), one at a time. */

#include <linux/errno.h>
#include <arch/atomic.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <proc/process.h>
#include <sched/run.h>
#include "signal_set.h"

void signal_init(struct signal_state *state)
{
    *state = (struct signal_state){.lock = SPINLOCK(RANK_PIPE)};
    waitq_init(&state->continued);
}

void signal_fork(struct signal_state *child, struct signal_state *parent)
{
    spin_lock(&parent->lock);
    child->blocked = parent->blocked;
    child->stack = parent->stack;
    child->trap = parent->trap;
    memcpy(child->actions, parent->actions, sizeof(child->actions));
    spin_unlock(&parent->lock);
}

void signal_exec(struct signal_state *state)
{
    spin_lock(&state->lock);
    for (unsigned n = 0; n < SIGNALS; n++) {
        bool is_ignored = state->actions[n].handler == (uaddr_t)SIG_IGN;

        /* Flags, mask and restorer belong to the old program. */
        state->actions[n] =
            (struct signal_action){.handler = (uaddr_t)(is_ignored ? SIG_IGN : SIG_DFL)};
    }
    spin_unlock(&state->lock);
    state->stack = (struct signal_stack){0};
}

struct signal_action signal_action_of(struct process *process, int signo)
{
    struct signal_state *state = &process->signals;

    spin_lock(&state->lock);
    struct signal_action action = state->actions[signo - 1];
    spin_unlock(&state->lock);
    return action;
}

struct signal_masks signal_masks_of(struct process *process)
{
    struct signal_state *state = &process->signals;

    spin_lock(&state->lock);
    struct signal_masks masks = {.pending = state->pending, .blocked = state->blocked};
    for (int signo = 1; signo <= SIGNALS; signo++) {
        const struct signal_action *action = &state->actions[signo - 1];

        masks.ignored |= action->handler == (uaddr_t)SIG_IGN ? BIT(signo) : 0;
        masks.caught |= has_handler(action) ? BIT(signo) : 0;
    }
    spin_unlock(&state->lock);
    return masks;
}

bool signal_is_held_off(struct process *process, int signo)
{
    struct signal_state *state = &process->signals;

    spin_lock(&state->lock);
    bool held_off = (state->blocked & BIT(signo)) || signal_is_ignored(state, signo);
    spin_unlock(&state->lock);
    return held_off;
}

bool signal_is_ignored(const struct signal_state *state, int signo)
{
    uaddr_t handler = state->actions[signo - 1].handler;

    assert(spin_is_held(&state->lock));
    if (handler != (uaddr_t)SIG_DFL)
        return handler == (uaddr_t)SIG_IGN;
    return state->spared || (BIT(signo) & DEFAULT_IGNORED);
}

/* Returns true if the signal is sure to end the process when it is taken. Of a tracee that is only
   SIGKILL, because its tracer may suppress others. The lock is held. */
static bool is_fatal(const struct signal_state *state, int signo)
{
    if (state->traced && signo != SIGKILL)
        return false;
    bool is_default = state->actions[signo - 1].handler == (uaddr_t)SIG_DFL;

    return is_default && !(BIT(signo) & DEFAULT_STOP) && !signal_is_ignored(state, signo);
}

/* Stops and continues, as far as posting does. If a tracer has seized the process, SIGCONT makes it
   stop for the tracer, whatever is done about the signal. Returns the WORK_ bits for that. The lock
   is held. */
static unsigned stop_or_continue(struct signal_state *state, int signo)
{
    if (BIT(signo) & DEFAULT_STOP)
        state->pending &= ~BIT(SIGCONT);
    if (signo == SIGCONT)
        state->pending &= ~DEFAULT_STOP;
    if (signo == SIGCONT || signo == SIGKILL) {
        state->stopped = state->stop_taken = false;
        waitq_wake_all(&state->continued);
    }
    if (signo != SIGCONT || !state->seized)
        return 0;
    state->continue_untold = true;
    return WORK_SIGNAL;
}

unsigned signal_post_locked(struct signal_state *state, const struct signal_info *info)
{
    uint64_t bit = BIT(info->signo);
    bool blocked = state->blocked & bit, awaited = state->awaited & bit;

    assert(spin_is_held(&state->lock));
    unsigned work = stop_or_continue(state, info->signo);
    /* A tracer also sees the signals that the process ignores. */
    if (!blocked && !awaited && !state->traced && signal_is_ignored(state, info->signo))
        return 0;
    if (!(state->pending & bit))
        state->infos[info->signo - 1] = *info;
    state->pending |= bit;
    if (awaited)
        return WORK_SIGNAL;
    if (blocked || state->stopped) /* delivery takes it later */
        return work;
    return is_fatal(state, info->signo) ? WORK_SIGNAL | WORK_KILL : WORK_SIGNAL;
}

void signal_send(struct process *process, const struct signal_info *info)
{
    spin_lock(&process->signals.lock);
    unsigned work = signal_post_locked(&process->signals, info);
    spin_unlock(&process->signals.lock);
    if (work)
        thread_interrupt(process->thread, work);
}

void signal_send_kernel(struct process *process, int signo)
{
    signal_send(process, &(struct signal_info){.signo = signo, .code = SI_KERNEL});
}

void signal_send_self(int signo)
{
    struct process *self = process_current();

    signal_send(self, &(struct signal_info){.signo = signo, .code = SI_USER, .pid = self->pid});
}

bool signal_force(const struct signal_info *info)
{
    struct signal_state *state = &process_current()->signals;
    struct signal_action *action = &state->actions[info->signo - 1];
    uint64_t bit = BIT(info->signo);

    spin_lock(&state->lock);
    if ((state->blocked & bit) || !has_handler(action)) {
        *action = (struct signal_action){0};
        state->spared = false;
    }
    state->blocked &= ~bit;
    bool is_first = !(state->pending & bit);
    bool is_end = is_fatal(state, info->signo);
    state->pending |= bit;
    state->infos[info->signo - 1] = *info;
    spin_unlock(&state->lock);
    thread_set_work(thread_current(), is_end ? WORK_SIGNAL | WORK_KILL : WORK_SIGNAL);
    return is_end && is_first;
}

/* ---- Questions of the current process ---- */

bool signal_is_pending(void)
{
    return atomic_load(&thread_current()->work) & WORK_SIGNAL;
}

bool signal_is_killed(void)
{
    struct signal_state *state = &process_current()->signals;

    spin_lock(&state->lock);
    bool is_killed = state->pending & BIT(SIGKILL);
    spin_unlock(&state->lock);
    return is_killed;
}

bool signal_is_fatal(void)
{
    struct signal_state *state = &process_current()->signals;

    spin_lock(&state->lock);
    bool is_end = !state->traced || (state->pending & BIT(SIGKILL));
    if (!is_end)
        atomic_and(&thread_current()->work, ~WORK_KILL);
    spin_unlock(&state->lock);
    return is_end;
}

/* ---- Taking one ---- */

bool signal_take(struct signal_state *state, uint64_t set, struct signal_info *info)
{
    uint64_t ready = state->pending & set;

    assert(spin_is_held(&state->lock));
    if (!ready)
        return false;
    if (ready & BIT(SIGKILL))
        ready = BIT(SIGKILL);
    else if (ready & SYNCHRONOUS)
        ready &= SYNCHRONOUS;
    int signo = __builtin_ctzl(ready) + 1;
    state->pending &= ~BIT(signo);
    if (BIT(signo) & DEFAULT_STOP)
        state->stop_taken = true;
    *info = state->infos[signo - 1];
    return true;
}
