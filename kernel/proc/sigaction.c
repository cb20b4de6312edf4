/* The settings for signals: the actions of a process; the mask and the alternate stack of a task;
   and waiting for a signal.

   Always true: only the task itself changes its mask, so it may read it without lock.

   Lock: signals.lock; fields marked (o) in struct task_signals need none. */

#include <linux/errno.h>
#include <linux/signal.h>
#include <lib/string.h>
#include <proc/process.h>
#include <sched/run.h>
#include "signal_set.h"

static struct spinlock *signals_lock(void)
{
    return &process_current()->signals.lock;
}

static struct task_signals *my_signals(void)
{
    return &task_current()->signals;
}

/* ---- Actions and the mask ---- */

int signal_set_action(int signo, const struct signal_action *action, struct signal_action *old)
{
    struct signal_state *state = &process_current()->signals;
    struct task *task;

    if (!is_signal(signo) || (action && (BIT(signo) & UNBLOCKABLE)))
        return -EINVAL;
    spin_lock(&state->lock);
    if (old)
        *old = action_get(state->actions, signo);
    if (action) {
        struct signal_action new = *action;

        new.mask &= ~UNBLOCKABLE;
        action_set(state->actions, signo, &new);
        if (signal_is_ignored(state, signo)) {
            signal_queue_discard(&state->pending, BIT(signo));
            TAILQ_FOREACH (task, &process_current()->tasks, link)
                signal_queue_discard(&task->signals.pending, BIT(signo));
        }
    }
    spin_unlock(&state->lock);
    return 0;
}

void signal_change_mask(uint64_t mask)
{
    struct process *process = process_current();
    struct task_signals *mine = my_signals();

    spin_lock(&process->signals.lock);
    bool blocks_more = mask & ~mine->blocked & process->signals.pending.set;
    /* A fork may follow (signal_fork_begin). A signal that came after this call began has not been
       taken: the mask holds it back now, so it counts as one that came during the fork. */
    if (mask_is_full(mask) && !mask_is_full(mine->blocked))
        mine->sent_to_all &= signal_pending_of(task_current()) & ~mine->blocked;
    mine->blocked = mask & ~UNBLOCKABLE;
    bool ready = signal_pending_of(task_current()) & ~mine->blocked;
    if (blocks_more)
        signal_pass_on(process);
    spin_unlock(&process->signals.lock);
    if (ready)
        thread_set_work(thread_current(), WORK_SIGNAL);
}

int signal_set_mask(int how, const uint64_t *set, uint64_t *old)
{
    uint64_t now = my_signals()->blocked; /* only this thread changes it */

    if (old)
        *old = now;
    if (!set)
        return 0;
    switch (how) {
    case SIG_BLOCK:
        signal_change_mask(now | *set);
        return 0;
    case SIG_UNBLOCK:
        signal_change_mask(now & ~*set);
        return 0;
    case SIG_SETMASK:
        signal_change_mask(*set);
        return 0;
    default:
        return -EINVAL;
    }
}

uint64_t signal_pending_blocked(void)
{
    spin_lock(signals_lock());
    uint64_t set = signal_pending_of(task_current()) & my_signals()->blocked;
    spin_unlock(signals_lock());
    return set;
}

/* ---- The alternate stack ---- */

/* Returns true if rsp is on the alternate stack. One that disarms itself is disabled while in
   use. */
static bool is_on_stack(const struct signal_stack *stack, uaddr_t rsp)
{
    return !stack->disarm && rsp > stack->start && rsp - stack->start <= stack->size;
}

void signal_get_stack(uaddr_t rsp, stack_t *out)
{
    const struct signal_stack *stack = &my_signals()->stack;
    int flags = is_on_stack(stack, rsp) ? SS_ONSTACK : 0;

    memset(out, 0, sizeof(*out)); /* the padding goes to user memory too */
    out->ss_sp = (void *)stack->start;
    out->ss_size = stack->size;
    out->ss_flags = stack->size ? flags : SS_DISABLE;
    if (stack->disarm)
        out->ss_flags |= SS_AUTODISARM;
}

int signal_set_stack(const stack_t *wanted, uaddr_t rsp)
{
    struct signal_stack *stack = &my_signals()->stack;

    if (is_on_stack(stack, rsp))
        return -EPERM;
    switch (wanted->ss_flags & ~SS_AUTODISARM) {
    case SS_DISABLE:
        *stack = (struct signal_stack){.disarm = wanted->ss_flags & SS_AUTODISARM};
        return 0;
    case SS_ONSTACK:
    case 0:
        if (wanted->ss_size < MINSIGSTKSZ)
            return -ENOMEM;
        *stack = (struct signal_stack){
            .start = (uaddr_t)wanted->ss_sp,
            .size = wanted->ss_size,
            .disarm = wanted->ss_flags & SS_AUTODISARM,
        };
        return 0;
    default:
        return -EINVAL;
    }
}

/* ---- Waiting ---- */

void signal_borrow_mask(uint64_t mask)
{
    struct task_signals *mine = my_signals();

    mine->saved_mask = mine->blocked;
    mine->has_saved_mask = true;
    signal_change_mask(mask);
}

void signal_return_mask(void)
{
    struct task_signals *mine = my_signals();

    if (mine->has_saved_mask)
        signal_change_mask(mine->saved_mask);
    mine->has_saved_mask = false;
}

int signal_suspend(const uint64_t *mask)
{
    if (mask)
        signal_borrow_mask(*mask);
    return thread_sleep_until(UINT64_MAX);
}

/* Takes a signal of `set`. If none is pending, marks the set as awaited and returns false. */
static bool take_or_await(uint64_t set, struct signal_info *info)
{
    spin_lock(signals_lock());
    bool taken = signal_take(task_current(), set, info);
    my_signals()->awaited = taken ? 0 : set;
    spin_unlock(signals_lock());
    return taken;
}

/* Ends the wait, and takes a signal of `set`. Returns false if none is pending. */
static bool take_after_wait(uint64_t set, struct signal_info *info)
{
    spin_lock(signals_lock());
    my_signals()->awaited = 0;
    bool taken = signal_take(task_current(), set, info);
    signal_pass_on(process_current()); /* this task was woken for others too, and takes one */
    spin_unlock(signals_lock());
    return taken;
}

int signal_timed_wait(uint64_t set, uint64_t deadline_ns, struct signal_info *info)
{
    set &= ~UNBLOCKABLE;
    if (take_or_await(set, info))
        return info->signo;
    int err = thread_sleep_until(deadline_ns);
    if (take_after_wait(set, info))
        return info->signo;
    return err ? err : -EAGAIN;
}
