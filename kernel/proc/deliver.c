/* Taking signals, on the way back to user mode.

       traced           the process stops, and its tracer chooses another signal, or none (ptrace.c)
       disposition      what happens
       ignored          nothing
       default          by its number: nothing; a stop, until SIGCONT or SIGKILL; the end
       a handler        its frame is pushed (sigframe.c), and user mode goes on in the handler

   A system call that a signal has interrupted (-EINTR) is started again, as signal(7) has it: the
   program goes back by the two bytes of its SYSCALL instruction, with the call's number in rax. If no
   handler was called, always, so that nobody sees a stop and its end; otherwise if the handler asks
   for it (SA_RESTART), except for those calls that never do, and for fork, which always does.

   Locks: signals.lock to look and choose; the tree lock while the parent is told of a stop. A
   stopped process is at rest (sched/world.h). */

#include <asm/unistd.h>
#include <linux/errno.h>
#include <arch/console.h>
#include <arch/trap.h>
#include <lib/printf.h>
#include <proc/process.h>
#include <proc/session.h>
#include "signal_set.h"

#define SYSCALL_LEN 2 /* bytes of the instruction */

/* How Linux names the rules below, between itself and tracers; not in its public headers. */
#define ERESTARTSYS           512
#define ERESTARTNOINTR        513
#define ERESTARTNOHAND        514
#define ERESTART_RESTARTBLOCK 516

/* ---- Interrupted system calls ---- */

enum restart { RESTART_ALWAYS, RESTART_IF_ASKED, RESTART_NEVER };

/* What becomes of a call if a handler was called. */
static enum restart restart_rule(uint64_t number)
{
    switch (number) {
    case __NR_fork:
    case __NR_vfork:
    case __NR_clone:
        return RESTART_ALWAYS;
    case __NR_poll:
    case __NR_ppoll:
    case __NR_select:
    case __NR_pselect6:
    case __NR_nanosleep:
    case __NR_clock_nanosleep:
    case __NR_pause:
    case __NR_rt_sigsuspend:
    case __NR_rt_sigtimedwait:
        return RESTART_NEVER;
    default:
        return RESTART_IF_ASKED;
    }
}

static bool is_interrupted_call(const struct trapframe *tf)
{
    return tf->vector == VECTOR_SYSCALL && tf->error != SYSCALL_DONE && (int64_t)tf->rax == -EINTR;
}

/* Whether the call is to be started again; `action`: of the handler that will be called first, or
   NULL. */
static bool is_to_restart(uint64_t number, const struct signal_action *action)
{
    if (!action)
        return true;
    enum restart rule = restart_rule(number);
    return rule == RESTART_IF_ASKED ? action->flags & SA_RESTART : rule == RESTART_ALWAYS;
}

static void finish_interrupted_call(struct trapframe *tf, const struct signal_action *action)
{
    if (!is_interrupted_call(tf))
        return;
    if (is_to_restart(tf->error, action)) {
        tf->rip -= SYSCALL_LEN;
        tf->rax = tf->error;
    }
    tf->error = SYSCALL_DONE;
}

static int restart_errno(uint64_t number)
{
    switch (number) {
    case __NR_poll:
    case __NR_nanosleep:
    case __NR_clock_nanosleep:
        return ERESTART_RESTARTBLOCK;
    case __NR_rt_sigtimedwait:
        return EINTR;
    default:
        break;
    }
    enum restart rule = restart_rule(number);
    if (rule == RESTART_NEVER)
        return ERESTARTNOHAND;
    return rule == RESTART_ALWAYS ? ERESTARTNOINTR : ERESTARTSYS;
}

void signal_show_restart(struct trapframe *tf)
{
    if (is_interrupted_call(tf))
        tf->rax = -restart_errno(tf->error);
}

uint64_t signal_resumed_deadline(uint64_t deadline_ns)
{
    struct signal_state *state = &process_current()->signals;
    uint64_t resumed_ns = state->resume_ns;

    state->resume_ns = 0;
    return resumed_ns ? resumed_ns : deadline_ns;
}

void signal_keep_deadline(uint64_t deadline_ns)
{
    process_current()->signals.resume_ns = deadline_ns;
}

/* ---- Stopping ---- */

/* Tells the parent, unless the signal comes from a terminal that nobody would continue it from:
   then it does not stop, and the result is false. */
static bool stop_begin(struct process *self, int signo)
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

/* Why a stopped process does not sleep on. */
enum wakeup { CONTINUED, KILLED, TRAPPED };

/* WORK_KILL alone ends no stop: it may be that of a deadly signal which came when the stop was taken, and not yet begun;
   that signal waits for the end of the stop. (ptrace.c has the same.) */
static enum wakeup stop_sleep(struct signal_state *state)
{
    enum wakeup why = CONTINUED;

    spin_lock(&state->lock);
    while (state->stopped && !state->trap_wanted && !(state->pending & BIT(SIGKILL))) {
        atomic_and(&thread_current()->work, ~WORK_KILL);
        (void)!waitq_sleep_killable(&state->continued, &state->lock);
    }
    if (state->pending & BIT(SIGKILL))
        why = KILLED;
    else if (state->stopped && state->trap_wanted)
        why = TRAPPED;
    spin_unlock(&state->lock);
    return why;
}

/* Stops, until SIGCONT; a tracee first for its tracer, and again whenever that asks for it. A tracer that has it go on
   overrules the signal, and then the parent hears nothing of it. */
static void stop(struct process *self, int signo)
{
    enum wakeup why;

    if (!stop_begin(self, signo))
        return;
    do {
        if (ptrace_group_stop(signo) && !self->signals.stopped)
            return;
        why = stop_sleep(&self->signals);
    } while (why == TRAPPED);
    if (why == KILLED)
        return;
    mutex_lock(&process_tree_lock);
    news_of_continue(self);
    mutex_unlock(&process_tree_lock);
}

/* ---- Taking ---- */

enum disposition { IGNORE, STOP, DIE, CALL };

/* What to do about the signal. The lock is held. */
static enum disposition choose(struct signal_state *state, const struct signal_info *info,
                               struct signal_action *action)
{
    int signo = info->signo;
    struct signal_action *mine = &state->actions[signo - 1];

    if (state->blocked & BIT(signo)) { /* a tracer has put it in the place of another */
        state->pending |= BIT(signo);
        state->infos[signo - 1] = *info;
        return IGNORE;
    }
    if (signal_is_ignored(state, signo))
        return IGNORE;
    if (!has_handler(mine)) {
        if (!(BIT(signo) & DEFAULT_STOP))
            return DIE;
        /* A SIGCONT or SIGKILL that came since the stop was taken has ended it before it began. */
        state->stopped = state->stop_taken;
        return state->stopped ? STOP : IGNORE;
    }
    *action = *mine;
    if (mine->flags & SA_RESETHAND)
        mine->handler = (uaddr_t)SIG_DFL;
    return CALL;
}

/* What there is to do. */
struct next {
    bool is_trap;   /* to stop for the tracer */
    bool is_signal; /* the signal that was taken */
    bool is_traced; /* which the tracer is to see first */
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

/* Does what is to be done about a signal; true: call its handler. */
static bool act_on(struct process *self, const struct signal_info *info,
                   struct signal_action *action)
{
    spin_lock(&self->signals.lock);
    enum disposition what = choose(&self->signals, info, action);
    spin_unlock(&self->signals.lock);
    if (what == DIE)
        process_exit(info->signo);
    if (what == STOP)
        stop(self, info->signo);
    return what == CALL;
}

/* Takes signals until one is to be told to a handler; false: none is. */
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

void signal_bad_frame(const struct trapframe *tf, const char *what)
{
    const struct process *self = process_current();

    if (signal_force(&(struct signal_info){.signo = SIGSEGV, .code = SI_KERNEL}))
        printk("pid %d %s: %s, rip 0x%016lx rsp 0x%016lx --kill proc\n", self->pid, self->name,
               what, tf->rip, tf->rsp);
}

/* The mask from before a rt_sigsuspend, or the present one. */
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
    /* Of SIGSEGV: its own handler cannot be called, so the next is the last. */
    signal_change_mask(info->signo == SIGSEGV ? mask | BIT(SIGSEGV) : mask);
    signal_bad_frame(tf, "no place for the frame of a signal handler");
}

/* A program that has jumped to an address that is none is told so by a signal, which its tracer may have suppressed: then
   it is told again, since it cannot go on there (trap_return). */
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

    /* Cleared first: a signal that comes after the look sets it again. */
    atomic_and(&thread_current()->work, ~(WORK_SIGNAL | WORK_KILL));
    if (next_for_handler(self, &info, &action)) {
        finish_interrupted_call(tf, &action);
        call_handler(&self->signals, tf, &info, &action);
        return;
    }
    finish_interrupted_call(tf, NULL);
    signal_return_mask();
    refuse_address(tf);
}
