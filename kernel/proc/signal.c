/* Posting signals.

   Posting sets a bit, notes who sent it, and sees to it that the process looks: WORK_SIGNAL wakes it
   out of an interruptible sleep. A signal that is sure to end the process sets WORK_KILL too, which
   ends the sleeps that others leave alone (a stopped process, the parent in vfork).

   SIGCONT continues a stopped process when it is posted, whatever is done about it later, and
   SIGKILL too; a stop takes back a SIGCONT that waits, and a SIGCONT the stops.

   Locks: each process's signals.lock (RANK_PIPE); one at a time. */

#include <linux/errno.h>
#include <arch/atomic.h>
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
    memcpy(child->actions, parent->actions, sizeof(child->actions));
    spin_unlock(&parent->lock);
}

void signal_exec(struct signal_state *state)
{
    spin_lock(&state->lock);
    for (unsigned n = 0; n < SIGNALS; n++) {
        bool is_ignored = state->actions[n].handler == (uaddr_t)SIG_IGN;

        /* Flags, mask and restorer were the old program's. */
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

    if (handler != (uaddr_t)SIG_DFL)
        return handler == (uaddr_t)SIG_IGN;
    return state->spared || (BIT(signo) & DEFAULT_IGNORED);
}

/* Whether the signal will end the process as soon as it is taken: of a tracee, whose tracer may think otherwise, only
   SIGKILL. The lock is held. */
static bool is_deadly(const struct signal_state *state, int signo)
{
    if (state->traced && signo != SIGKILL)
        return false;
    bool is_default = state->actions[signo - 1].handler == (uaddr_t)SIG_DFL;

    return is_default && !(BIT(signo) & DEFAULT_STOP) && !signal_is_ignored(state, signo);
}

/* Stopping and continuing, which the posting of a signal does. A tracer that has seized the process hears of SIGCONT
   by a stop of its own, whatever becomes of the signal. Returns the WORK_ bits for that. The lock is held. */
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

/* Notes the signal as pending; returns the WORK_ bits for its process. The lock is held. */
static unsigned post(struct signal_state *state, const struct signal_info *info)
{
    uint64_t bit = BIT(info->signo);
    bool held = state->blocked & bit, awaited = state->awaited & bit;

    unsigned work = stop_or_continue(state, info->signo);
    /* A tracer wants to see those, too, that the process ignores. */
    if (!held && !awaited && !state->traced && signal_is_ignored(state, info->signo))
        return 0;
    if (!(state->pending & bit))
        state->infos[info->signo - 1] = *info;
    state->pending |= bit;
    if (awaited)
        return WORK_SIGNAL;
    if (held || state->stopped) /* for later */
        return work;
    return is_deadly(state, info->signo) ? WORK_SIGNAL | WORK_KILL : WORK_SIGNAL;
}

void signal_send(struct process *process, const struct signal_info *info)
{
    spin_lock(&process->signals.lock);
    unsigned work = post(&process->signals, info);
    spin_unlock(&process->signals.lock);
    if (work)
        thread_interrupt(process->thread, work);
}

void signal_send_kernel(struct process *process, int signo)
{
    signal_send(process, &(struct signal_info){.signo = signo, .code = SI_KERNEL});
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
    bool first = !(state->pending & bit);
    bool deadly = is_deadly(state, info->signo);
    state->pending |= bit;
    state->infos[info->signo - 1] = *info;
    spin_unlock(&state->lock);
    thread_set_work(thread_current(), deadly ? WORK_SIGNAL | WORK_KILL : WORK_SIGNAL);
    return deadly && first;
}

/* ---- kill ---- */

static void send_each(struct process *process, const void *info)
{
    if (((const struct signal_info *)info)->signo)
        signal_send(process, info);
}

/* Sends to all but init and the caller; returns how many there are. The tree lock is held. */
static unsigned send_all(const struct signal_info *info)
{
    unsigned count = 0;

    for (struct process *p = process_find_from(2); p; p = process_find_from(p->pid + 1)) {
        if (p->zombie || p == process_current())
            continue;
        send_each(p, info);
        count++;
    }
    return count;
}

/* The tree lock is held. */
static unsigned send_to(int pid, const struct signal_info *info)
{
    if (pid == -1)
        return send_all(info);
    if (pid <= 0)
        return process_group_each(pid ? -pid : process_current()->pgid, send_each, info);

    struct process *process = process_find(pid);
    if (process && !process->zombie)
        send_each(process, info);
    return process != NULL;
}

static int kill_with(int pid, const struct signal_info *info)
{
    if (info->signo != 0 && !is_signal(info->signo))
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    mutex_lock(&process_tree_lock);
    unsigned count = send_to(pid, info);
    mutex_unlock(&process_tree_lock);
    return count ? 0 : -ESRCH;
}

int signal_kill(int pid, int signo, int code)
{
    return kill_with(
        pid, &(struct signal_info){.signo = signo, .code = code, .pid = process_current()->pid});
}

int signal_queue(int pid, const struct signal_info *info)
{
    bool is_forged = info->code >= 0 || info->code == SI_TKILL;

    if (is_forged && pid != process_current()->pid)
        return -EPERM;
    return pid > 0 ? kill_with(pid, info) : -ESRCH;
}

void signal_group(int pgid, int signo)
{
    const struct signal_info info = {.signo = signo, .code = SI_KERNEL};

    process_group_each(pgid, send_each, &info);
}

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

bool signal_is_deadly(void)
{
    struct signal_state *state = &process_current()->signals;

    spin_lock(&state->lock);
    bool is_deadly = !state->traced || (state->pending & BIT(SIGKILL));
    if (!is_deadly)
        atomic_and(&thread_current()->work, ~WORK_KILL);
    spin_unlock(&state->lock);
    return is_deadly;
}

/* ---- For tracers ---- */

void signal_set_traced(struct signal_state *state, bool traced, bool seized)
{
    spin_lock(&state->lock);
    state->traced = traced;
    state->seized = seized;
    state->trap_wanted = state->continue_untold = false;
    spin_unlock(&state->lock);
}

void signal_want_trap(struct process *process)
{
    struct signal_state *state = &process->signals;

    spin_lock(&state->lock);
    state->trap_wanted = true;
    waitq_wake_all(&state->continued);
    spin_unlock(&state->lock);
    thread_interrupt(process->thread, WORK_SIGNAL);
}

/* Nobody else knows the child's thread yet; to wake it would be to start it. */
void signal_begin_stopped(struct process *child, bool is_trap)
{
    struct signal_state *state = &child->signals;

    spin_lock(&state->lock);
    if (is_trap)
        state->trap_wanted = true;
    else
        (void)post(state, &(struct signal_info){.signo = SIGSTOP, .code = SI_USER});
    spin_unlock(&state->lock);
    atomic_or(&child->thread->work, WORK_SIGNAL);
}

/* ---- Taking one ---- */

bool signal_take(struct signal_state *state, uint64_t set, struct signal_info *info)
{
    uint64_t ready = state->pending & set;

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
