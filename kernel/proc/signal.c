/* Signals, with their default actions: a signal that is neither ignored nor blocked ends the process. Those whose
   default is to stop or to do nothing do nothing.

   Locks: each process's signals.lock (RANK_PIPE). */

#include <linux/errno.h>
#include <arch/atomic.h>
#include <proc/process.h>
#include <proc/signal.h>

#define BIT(signo)  (1ul << ((signo)-1))
#define UNBLOCKABLE (BIT(SIGKILL) | BIT(SIGSTOP))

/* Signals of which the default is not the end of the process. */
#define DEFAULT_IGNORED                                                                        \
    (BIT(SIGCHLD) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGCONT) | BIT(SIGSTOP) | BIT(SIGTSTP) | \
     BIT(SIGTTIN) | BIT(SIGTTOU))

static bool is_signal(int signo)
{
    return signo >= 1 && signo <= SIGNALS;
}

void signal_init(struct signal_state *state)
{
    *state = (struct signal_state){.lock = SPINLOCK(RANK_PIPE)};
}

void signal_fork(struct signal_state *child, struct signal_state *parent)
{
    spin_lock(&parent->lock);
    *child = *parent;
    spin_unlock(&parent->lock);
    spin_init(&child->lock, RANK_PIPE);
    child->pending = 0;
}

void signal_exec(struct signal_state *state)
{
    spin_lock(&state->lock);
    for (unsigned n = 0; n < SIGNALS; n++)
        if (state->actions[n].handler != (uaddr_t)SIG_IGN)
            state->actions[n] = (struct signal_action){0};
    spin_unlock(&state->lock);
}

/* The lock is held. */
static bool is_ignored(const struct signal_state *state, int signo)
{
    uaddr_t handler = state->actions[signo - 1].handler;

    return handler == (uaddr_t)SIG_IGN || (BIT(signo) & DEFAULT_IGNORED);
}

void signal_send(struct process *process, int signo)
{
    struct signal_state *state = &process->signals;

    spin_lock(&state->lock);
    bool blocked = state->blocked & BIT(signo);
    bool wanted = blocked || !is_ignored(state, signo);
    if (wanted)
        state->pending |= BIT(signo);
    spin_unlock(&state->lock);
    if (wanted && !blocked)
        thread_interrupt(process->thread);
}

bool signal_force(int signo)
{
    struct signal_state *state = &process_current()->signals;

    spin_lock(&state->lock);
    bool first = !(state->pending & BIT(signo));
    state->blocked &= ~BIT(signo);
    state->actions[signo - 1] = (struct signal_action){0};
    state->pending |= BIT(signo);
    spin_unlock(&state->lock);
    thread_set_work(thread_current(), WORK_SIGNAL);
    return first;
}

static void send_each(struct process *process, int signo)
{
    if (signo)
        signal_send(process, signo);
}

/* Sends to all but init and the caller; returns how many there are. The tree lock is held. */
static unsigned send_all(int signo)
{
    unsigned count = 0;

    for (struct process *p = process_find_from(2); p; p = process_find_from(p->pid + 1)) {
        if (p->zombie || p == process_current())
            continue;
        send_each(p, signo);
        count++;
    }
    return count;
}

/* The tree lock is held. */
static unsigned send_to(int pid, int signo)
{
    if (pid == -1)
        return send_all(signo);
    if (pid <= 0)
        return process_group_each(pid ? -pid : process_current()->pgid, send_each, signo);

    struct process *process = process_find(pid);
    if (process && !process->zombie)
        send_each(process, signo);
    return process != NULL;
}

int signal_kill(int pid, int signo)
{
    if (signo != 0 && !is_signal(signo))
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    mutex_lock(&process_tree_lock);
    unsigned count = send_to(pid, signo);
    mutex_unlock(&process_tree_lock);
    return count ? 0 : -ESRCH;
}

void signal_group(int pgid, int signo)
{
    mutex_lock(&process_tree_lock);
    process_group_each(pgid, send_each, signo);
    mutex_unlock(&process_tree_lock);
}

bool signal_is_pending(void)
{
    return atomic_load(&thread_current()->work) & WORK_SIGNAL;
}

/* The lowest signal that is pending and not blocked, taken out; 0: none. */
static int take(struct signal_state *state)
{
    spin_lock(&state->lock);
    uint64_t ready = state->pending & ~state->blocked;
    int signo = ready ? __builtin_ctzl(ready) + 1 : 0;
    if (signo)
        state->pending &= ~BIT(signo);
    bool ignored = signo && is_ignored(state, signo);
    spin_unlock(&state->lock);
    return ignored ? take(state) : signo;
}

void signal_deliver(void)
{
    /* Cleared first: a signal that comes after `take` has looked sets it again. */
    atomic_and(&thread_current()->work, ~WORK_SIGNAL);
    int signo = take(&process_current()->signals);
    if (signo)
        process_exit(signo);
}

int signal_set_action(int signo, const struct signal_action *action, struct signal_action *old)
{
    struct signal_state *state = &process_current()->signals;

    if (!is_signal(signo) || (action && (BIT(signo) & UNBLOCKABLE)))
        return -EINVAL;
    if (action && action->handler != (uaddr_t)SIG_DFL && action->handler != (uaddr_t)SIG_IGN)
        return -ENOSYS;
    spin_lock(&state->lock);
    if (old)
        *old = state->actions[signo - 1];
    if (action) {
        state->actions[signo - 1] = *action;
        if (is_ignored(state, signo))
            state->pending &= ~BIT(signo);
    }
    spin_unlock(&state->lock);
    return 0;
}

static int apply_mask(uint64_t *blocked, int how, uint64_t set)
{
    switch (how) {
    case SIG_BLOCK:
        *blocked |= set;
        break;
    case SIG_UNBLOCK:
        *blocked &= ~set;
        break;
    case SIG_SETMASK:
        *blocked = set;
        break;
    default:
        return -EINVAL;
    }
    *blocked &= ~UNBLOCKABLE;
    return 0;
}

int signal_set_mask(int how, const uint64_t *set, uint64_t *old)
{
    struct signal_state *state = &process_current()->signals;
    int err = 0;

    spin_lock(&state->lock);
    if (old)
        *old = state->blocked;
    if (set)
        err = apply_mask(&state->blocked, how, *set);
    bool ready = state->pending & ~state->blocked;
    spin_unlock(&state->lock);
    if (ready)
        thread_set_work(thread_current(), WORK_SIGNAL);
    return err;
}
