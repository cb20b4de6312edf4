/* Posting signals.

   Posting sets the signal's bit, keeps its sender, and sets WORK_SIGNAL of the task that is to take
   it, which ends an interruptible sleep. A fatal signal, which is sure to end the process, ends it
   from then on: all its tasks get WORK_KILL, which also ends the other sleeps that a signal may end
   (of a stopped task, of the parent in vfork).

   A signal to a process goes to one task that does not block it: to one that awaits it, else to the
   first. If all tasks block the signal, the first one that unblocks it takes it. If the chosen task
   blocks the signal or ends before it takes it, signal_pass_on chooses again.

   SIGCONT and SIGKILL continue a stopped process when they are posted, whatever its action is. To
   post a stop signal discards a pending SIGCONT, and to post SIGCONT discards pending stops.

   Always true: SIGKILL and SIGSTOP are never blocked.

   Lock: signals.lock of each process (RANK_PIPE), one at a time. Inside it the actions have a lock
   of their own, because processes may share them (actions.c). Inside signals.lock the tasks of the process
   neither come nor go, so a sender wakes them. */

#include <linux/errno.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <arch/atomic.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <proc/process.h>
#include <sched/run.h>
#include "signal_set.h"

void signal_init(struct signal_state *state)
{
    spin_init(&state->lock, RANK_PIPE);
    signal_queue_init(&state->pending);
    waitq_init(&state->continued);
    waitq_init(&state->task_ended);
}

void signal_destroy(struct signal_state *state)
{
    signal_queue_discard(&state->pending, ~0ul);
    actions_put(state->actions);
}

int signal_create_actions(struct process *init)
{
    init->signals.actions = actions_create();
    return init->signals.actions ? 0 : -ENOMEM;
}

int signal_copy_actions(struct process *child, uint64_t flags)
{
    struct signal_actions *mine = process_current()->signals.actions;

    if (flags & CLONE_SIGHAND) {
        actions_share(child->signals.actions = mine);
        return 0;
    }
    child->signals.actions = actions_clone(mine);
    if (!child->signals.actions)
        return -ENOMEM;
    if (flags & CLONE_CLEAR_SIGHAND)
        actions_reset(child->signals.actions);
    return 0;
}

void signal_fork(struct task *child, uint64_t flags)
{
    const struct task_signals *self = &task_current()->signals;

    child->signals.blocked = self->blocked;
    if (!(flags & CLONE_VM) || (flags & CLONE_VFORK))
        child->signals.stack = self->stack;
    child->signals.trap = self->trap;
}

void signal_fork_begin(void)
{
    struct signal_state *mine = &process_current()->signals;
    struct task_signals *self = &task_current()->signals;

    spin_lock(&mine->lock);
    if (!mask_is_full(self->blocked))
        self->sent_to_all = 0;
    spin_unlock(&mine->lock);
}

void signal_fork_end(struct task *child)
{
    struct signal_state *mine = &process_current()->signals, *state = &child->process->signals;

    spin_lock(&mine->lock);
    uint64_t set = task_current()->signals.sent_to_all;
    spin_unlock(&mine->lock);

    spin_lock(&state->lock);
    for (; set; set &= set - 1) {
        int signo = __builtin_ctzl(set) + 1;

        if ((child->signals.blocked & BIT(signo)) || !signal_is_ignored(state, signo))
            (void)signal_queue_add(&state->pending,
                                   &(struct signal_info){.signo = signo, .code = SI_USER}, ~0ul);
    }
    bool ready = state->pending.set & ~child->signals.blocked;
    spin_unlock(&state->lock);
    if (ready)
        thread_set_work(child->thread, WORK_SIGNAL);
}

int signal_exec_prepare(struct signal_actions **spare)
{
    if (!actions_are_shared(process_current()->signals.actions))
        return 0;
    *spare = actions_create();
    return *spare ? 0 : -ENOMEM;
}

void signal_exec_discard(struct signal_actions *spare)
{
    actions_put(spare);
}

/* No other process can begin to share the actions meanwhile, because this one does not fork. */
void signal_exec(struct signal_actions **spare)
{
    struct signal_state *state = &process_current()->signals;
    struct signal_actions *old = NULL;

    if (*spare) {
        actions_copy(*spare, state->actions);
        spin_lock(&state->lock);
        old = state->actions;
        state->actions = *spare;
        spin_unlock(&state->lock);
        *spare = NULL;
    }
    actions_reset(state->actions);
    actions_put(old);
    task_current()->signals.stack = (struct signal_stack){0};
}

struct signal_action signal_action_of(struct process *process, int signo)
{
    struct signal_state *state = &process->signals;

    spin_lock(&state->lock);
    struct signal_action action = action_get(state->actions, signo);
    spin_unlock(&state->lock);
    return action;
}

struct signal_masks signal_masks_of(struct task *task)
{
    struct signal_state *state = &task->process->signals;

    spin_lock(&state->lock);
    struct signal_masks masks = {
        .pending = task->signals.pending.set,
        .shared_pending = state->pending.set,
        .blocked = task->signals.blocked,
    };
    for (int signo = 1; signo <= SIGNALS; signo++) {
        const struct signal_action action = action_get(state->actions, signo);

        masks.ignored |= action.handler == (uaddr_t)SIG_IGN ? BIT(signo) : 0;
        masks.caught |= has_handler(&action) ? BIT(signo) : 0;
    }
    spin_unlock(&state->lock);
    return masks;
}

bool signal_is_held_off(int signo)
{
    struct signal_state *state = &process_current()->signals;

    spin_lock(&state->lock);
    bool held_off =
        (task_current()->signals.blocked & BIT(signo)) || signal_is_ignored(state, signo);
    spin_unlock(&state->lock);
    return held_off;
}

bool signal_is_ignored(const struct signal_state *state, int signo)
{
    assert(spin_is_held(&state->lock));
    uaddr_t handler = action_handler(state->actions, signo);
    if (handler != (uaddr_t)SIG_DFL)
        return handler == (uaddr_t)SIG_IGN;
    return state->spared || (BIT(signo) & DEFAULT_IGNORED);
}

/* Returns true if the signal is sure to end the process when the task takes it. Of a tracee that is
   only SIGKILL, because its tracer may suppress others. The lock is held. */
static bool is_fatal(const struct task *task, int signo)
{
    const struct signal_state *state = &task->process->signals;

    if (is_traced(task) && signo != SIGKILL)
        return false;
    bool is_default = action_handler(state->actions, signo) == (uaddr_t)SIG_DFL;

    return is_default && !(BIT(signo) & DEFAULT_STOP) && !signal_is_ignored(state, signo);
}

bool is_job_stopped(const struct task *task)
{
    const struct signal_state *state = &task->process->signals;

    assert(spin_is_held(&state->lock));
    return state->job == JOB_STOPPED && task->signals.overruled_stop != state->stop_number;
}

bool signal_has_stopped(struct task *task)
{
    struct spinlock *lock = &task->process->signals.lock;

    spin_lock(lock);
    bool has_stopped = is_job_stopped(task);
    spin_unlock(lock);
    return has_stopped;
}

void signal_end_stop(struct process *process)
{
    struct signal_state *state = &process->signals;
    struct task *task;

    assert(spin_is_held(&state->lock));
    TAILQ_FOREACH (task, &process->tasks, link)
        task->signals.may_stop = false;
    if (state->job == JOB_STOPPED && state->stop_told)
        state->continue_due = true;
    state->job = JOB_RUNNING;
    state->stop_signo = 0;
    state->stop_told = false;
    waitq_wake_all(&state->continued);
}

/* Discards signals that are pending for the process or a task. The lock is held. */
static void discard(struct process *process, uint64_t set)
{
    struct task *task;

    signal_queue_discard(&process->signals.pending, set);
    TAILQ_FOREACH (task, &process->tasks, link)
        signal_queue_discard(&task->signals.pending, set);
}

/* Stops and continues, as far as posting does. If a tracer has seized a task, SIGCONT makes it stop
   for the tracer, whatever is done about the signal. The lock is held. */
static void stop_or_continue(struct process *process, int signo)
{
    struct task *task;

    if (BIT(signo) & DEFAULT_STOP)
        discard(process, BIT(SIGCONT));
    if (signo == SIGCONT)
        discard(process, DEFAULT_STOP);
    if (signo == SIGCONT || signo == SIGKILL)
        signal_end_stop(process);
    if (signo == SIGCONT)
        TAILQ_FOREACH (task, &process->tasks, link)
            tracing_tell_continue(task);
}

/* Returns true if the task would take the signal now. The lock is held.

   This could happen: a thread ends; another thread joins it, and blocks a fatal signal; the signal is
   posted, and finds the first thread, which does not block it and is still on its way out. So a task
   that ends takes none. */
static bool task_wants(const struct task *task, int signo)
{
    return !task->signals.is_ending &&
           (~task->signals.blocked | task->signals.awaited) & BIT(signo);
}

/* Returns the task that is to take a signal which is pending for the process, or NULL if all block
   it. It is one that waits for the signal; else one that no tracer holds and no stop; else any. The
   list is as long as the process has tasks. The lock is held. */
static struct task *find_receiver(struct process *process, int signo)
{
    struct task *task, *found = NULL, *resting = NULL;

    TAILQ_FOREACH (task, &process->tasks, link) {
        bool rests = is_held(task) || is_job_stopped(task);

        if (task->signals.awaited & BIT(signo))
            return task;
        if (!task_wants(task, signo))
            continue;
        if (rests && !resting)
            resting = task;
        if (!rests && !found)
            found = task;
    }
    return found ? found : resting;
}

/* Returns true if nothing is to be done about a signal: the process ignores it, and no task that
   may take it blocks or awaits it or has a tracer, which sees ignored signals too. `only` is the
   only task that may take it; NULL: all may. The lock is held. */
static bool is_dropped(struct process *process, const struct task *only, int signo)
{
    struct task *task;

    if (!signal_is_ignored(&process->signals, signo))
        return false;
    TAILQ_FOREACH (task, &process->tasks, link) {
        const struct task_signals *signals = &task->signals;

        if ((!only || task == only) &&
            (is_traced(task) || ((signals->blocked | signals->awaited) & BIT(signo))))
            return false;
    }
    return true;
}

void signal_end_all(struct process *process, int status)
{
    struct signal_state *state = &process->signals;
    struct task *task;

    assert(spin_is_held(&state->lock));
    if (!state->exiting)
        process->exit_status = status;
    state->exiting = true;
    TAILQ_FOREACH (task, &process->tasks, link)
        thread_interrupt(task->thread, WORK_SIGNAL | WORK_KILL);
    waitq_wake_all(&state->continued);
    waitq_wake_all(&state->task_ended);
}

/* Makes a task notice a signal that is pending. The lock is held.

   This could happen: a signal ends all processes of a group; the task that is to take it wakes up;
   another task of its process finds a child killed, and acts on that in user mode. So a fatal signal
   ends all tasks here and now, before any child can be found. */
static void wake_receiver(struct task *task, int signo)
{
    /* In a stop the task takes it later. It is woken nevertheless, because the stop may turn out to
       be futile before the task has noticed it (deliver.c). */
    if (!(task->signals.awaited & BIT(signo)) && !is_job_stopped(task) && is_fatal(task, signo))
        signal_end_all(task->process, signo);
    else
        thread_interrupt(task->thread, WORK_SIGNAL);
}

/* Posts a signal to the process or only to the task `only`. -EAGAIN. */
static int post(struct process *process, struct task *only, const struct signal_info *info)
{
    uint64_t limit = process_limit(process, RLIMIT_SIGPENDING);
    struct signal_state *state = &process->signals;
    int signo = info->signo, err = 0;

    spin_lock(&state->lock);
    if (signo == SIGKILL) /* whichever task it is sent to */
        only = NULL;
    stop_or_continue(process, signo);
    if (!is_dropped(process, only, signo)) {
        err = signal_queue_add(only ? &only->signals.pending : &state->pending, info, limit);
        struct task *receiver = only ? only : find_receiver(process, signo);
        if (!err && receiver && task_wants(receiver, signo))
            wake_receiver(receiver, signo);
    }
    spin_unlock(&state->lock);
    return err;
}

int signal_send(struct process *process, const struct signal_info *info)
{
    return post(process, NULL, info);
}

int signal_send_task(struct task *task, const struct signal_info *info)
{
    return post(task->process, task, info);
}

void signal_send_kernel(struct process *process, int signo)
{
    (void)signal_send(process, &(struct signal_info){.signo = signo, .code = SI_KERNEL});
}

void signal_send_self(int signo)
{
    struct process *self = process_current();

    (void)signal_send(self,
                      &(struct signal_info){.signo = signo, .code = SI_USER, .pid = self->pid});
}

void signal_pass_on(struct process *process)
{
    uint64_t set = process->signals.pending.set;

    assert(spin_is_held(&process->signals.lock));
    for (; set; set &= set - 1) {
        int signo = __builtin_ctzl(set) + 1;
        struct task *receiver = find_receiver(process, signo);

        if (receiver)
            wake_receiver(receiver, signo);
    }
}

bool signal_force(const struct signal_info *info)
{
    struct task *self = task_current();
    struct signal_state *state = &self->process->signals;
    uint64_t bit = BIT(info->signo);

    spin_lock(&state->lock);
    const struct signal_action action = action_get(state->actions, info->signo);
    if ((self->signals.blocked & bit) || !has_handler(&action)) {
        action_set(state->actions, info->signo, &(struct signal_action){0});
        state->spared = false;
    }
    self->signals.blocked &= ~bit;
    bool is_first = signal_queue_force(&self->signals.pending, info);
    bool is_end = is_fatal(self, info->signo);
    spin_unlock(&state->lock);
    thread_set_work(thread_current(), is_end ? WORK_SIGNAL | WORK_KILL : WORK_SIGNAL);
    return is_end && is_first;
}

/* ---- Questions of the current task ---- */

bool signal_is_pending(void)
{
    return atomic_load(&thread_current()->work) & WORK_SIGNAL;
}

uint64_t signal_pending_of(const struct task *task)
{
    assert(spin_is_held(&task->process->signals.lock));
    return task->signals.pending.set | task->process->signals.pending.set;
}

bool signal_must_end(const struct task *task)
{
    const struct signal_state *state = &task->process->signals;

    return (signal_pending_of(task) & BIT(SIGKILL)) || state->exiting ||
           (state->execs && state->execs != task);
}

bool signal_is_killed(void)
{
    struct signal_state *state = &process_current()->signals;

    spin_lock(&state->lock);
    bool is_killed = signal_must_end(task_current());
    spin_unlock(&state->lock);
    return is_killed;
}
