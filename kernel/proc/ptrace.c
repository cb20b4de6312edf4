/* ptrace: a tracee's stops, and what its tracer does meanwhile.

       the tracee                                   the tracer
       stop_begin: notes what it stops at     ->    wait4 takes `status`; ptrace_look
       stop_sleep: while it is `held`         <-    ptrace_resume: `inject`, PTRACE_STOP_NONE, not held
       stop_end: takes `inject`, goes on

   What a stop is stands under the tree lock, and the tracee needs that lock to leave it, whoever ended it. So as long
   as the tracer holds the lock and sees a stop, the tracee is asleep, or waits for the lock: its registers stand
   still. SIGKILL takes no part in this: it only wakes the tracee.

   Nothing is lost: a stop that has begun is told until the tracer takes its status, or lets the tracee go on, or
   it is killed (then its end is told). Nothing is doubled: taking the status clears it.

   What a tracer has at its end: its tracees go on, untraced, as if nobody had stopped them; those with
   PTRACE_O_EXITKILL are killed.

   A tracee whose tracer is not its parent has two that want to hear of its end: the tracer first, and when that has
   waited for it, or traces it no more, the parent (exit.c). Until then the parent does not see that it is a zombie.

   Locks: the tree lock for all of struct ptrace; signals.lock inside it for what posting looks at (`traced`), and for
   the sleep (`held`). */

#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/ptrace.h>
#include <proc/process.h>
#include "signal_set.h"

#define KNOWN_OPTIONS                                                                         \
    (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
     PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

#define SYSGOOD_BIT  0x80
#define EVENT(event) (SIGTRAP | (event) << 8)

/* ---- A stop, from the tracee's side ---- */

/* A stop to be. `code` is what wait4 tells as the stopping signal, an event above it. */
struct stop {
    enum ptrace_stop kind;
    int code;
    unsigned option; /* it is one only with this PTRACE_O_; 0: always */
    uint64_t message;
    const struct signal_info *info; /* NULL: it says what `code` says */
};

/* What depends on how the process is traced. The tree lock is held. */
static int stop_code(const struct ptrace *trace, const struct stop *stop)
{
    bool is_call = stop->kind == PTRACE_STOP_ENTRY || stop->kind == PTRACE_STOP_EXIT;

    if (is_call && (trace->options & PTRACE_O_TRACESYSGOOD))
        return stop->code | SYSGOOD_BIT;
    if (stop->kind == PTRACE_STOP_GROUP && trace->is_seized)
        return stop->code | PTRACE_EVENT_STOP << 8;
    return stop->code;
}

static void hold(struct signal_state *state)
{
    spin_lock(&state->lock);
    state->held = true;
    state->trap_wanted = false; /* it stops, as was asked */
    spin_unlock(&state->lock);
}

/* Stops, in the tracer's eyes. False: there is no tracer, or it does not want to know. */
static bool stop_begin(struct process *self, const struct stop *stop)
{
    struct ptrace *trace = &self->ptrace;

    mutex_lock(&process_tree_lock);
    bool is_due = trace->tracer && (!stop->option || (trace->options & stop->option));
    if (is_due) {
        int code = stop_code(trace, stop);

        trace->stop = stop->kind;
        trace->status = code << 8 | 0x7f;
        trace->message = stop->message;
        trace->inject = 0;
        trace->info =
            stop->info ? *stop->info
                       : (struct signal_info){.signo = code & 0x7f, .code = code, .pid = self->pid};
        hold(&self->signals);
        news_of_ptrace_stop(self, code & 0x7f);
    }
    mutex_unlock(&process_tree_lock);
    return is_due;
}

/* Sleeps until the tracer lets it go on, or it is to die. WORK_KILL may be a leftover, of a signal that was deadly
   before there was a tracer to ask; SIGKILL itself is seen among the pending ones. Posting notes it there, under the
   lock, before it sets the bit: so a bit that is cleared here was none of a SIGKILL. */
static void stop_sleep(struct signal_state *state)
{
    spin_lock(&state->lock);
    while (state->held && !(state->pending & BIT(SIGKILL))) {
        atomic_and(&thread_current()->work, ~WORK_KILL);
        (void)!waitq_sleep_killable(&state->continued, &state->lock);
    }
    state->held = false;
    spin_unlock(&state->lock);
}

/* The stop is over: the signal to go on with. */
static int stop_end(struct process *self)
{
    mutex_lock(&process_tree_lock);
    self->ptrace.stop = PTRACE_STOP_NONE;
    self->ptrace.status = 0; /* if it still is there, the tracer hears of the end instead */
    int signo = self->ptrace.inject;
    mutex_unlock(&process_tree_lock);
    return signo;
}

/* The whole of a stop: whether it was one, and the signal to go on with. */
static bool stop_at(const struct stop *stop, int *signo)
{
    struct process *self = process_current();

    if (!stop_begin(self, stop))
        return false;
    stop_sleep(&self->signals);
    *signo = stop_end(self);
    return true;
}

/* ---- The tracee's stops ---- */

static struct signal_info user_signal(int signo)
{
    return (struct signal_info){.signo = signo, .code = SI_USER, .pid = process_current()->pid};
}

/* The tracer may send a signal along. */
static void stop_at_call(enum ptrace_stop kind, uint64_t message)
{
    int signo;

    if (!stop_at(&(struct stop){.kind = kind, .code = SIGTRAP, .message = message}, &signo) ||
        !signo)
        return;
    const struct signal_info info = user_signal(signo);
    signal_send(process_current(), &info);
}

bool ptrace_call_begins(struct trapframe *tf)
{
    tf->rax = -ENOSYS; /* what a tracer finds there on Linux */
    stop_at_call(PTRACE_STOP_ENTRY, PTRACE_EVENTMSG_SYSCALL_ENTRY);
    return !signal_is_killed();
}

void ptrace_call_ends(void)
{
    stop_at_call(PTRACE_STOP_EXIT, PTRACE_EVENTMSG_SYSCALL_EXIT);
}

bool ptrace_signal(struct signal_info *info)
{
    const struct stop stop = {.kind = PTRACE_STOP_SIGNAL, .code = info->signo, .info = info};
    int signo;

    if (!stop_at(&stop, &signo))
        return true;
    if (signo && signo != info->signo)
        *info = user_signal(signo);
    return signo;
}

bool ptrace_group_stop(int signo)
{
    int unused;

    return stop_at(&(struct stop){.kind = PTRACE_STOP_GROUP, .code = signo}, &unused);
}

void ptrace_trap(void)
{
    int unused;

    (void)stop_at(&(struct stop){.kind = PTRACE_STOP_TRAP, .code = EVENT(PTRACE_EVENT_STOP)},
                  &unused);
}

void ptrace_forked(int event, uint64_t message)
{
    const struct stop stop = {
        .kind = PTRACE_STOP_EVENT, .code = EVENT(event), .option = 1u << event, .message = message};
    int unused;

    (void)stop_at(&stop, &unused);
}

void ptrace_execed(void)
{
    struct process *self = process_current();
    const struct signal_info info = user_signal(SIGTRAP);

    ptrace_forked(PTRACE_EVENT_EXEC, self->pid);
    mutex_lock(&process_tree_lock);
    const struct ptrace *trace = &self->ptrace;
    if (trace->tracer && !trace->is_seized && !(trace->options & PTRACE_O_TRACEEXEC))
        signal_send(self, &info); /* the older way to say it */
    mutex_unlock(&process_tree_lock);
}

/* ---- Who traces whom; the tree lock is held ---- */

static void link_to(struct process *process, struct process *tracer, unsigned options,
                    bool is_seized)
{
    struct ptrace *trace = &process->ptrace;

    trace->tracer = tracer;
    trace->options = options;
    trace->is_seized = is_seized;
    TAILQ_INSERT_TAIL(&tracer->ptrace.tracees, process, ptrace.link);
    signal_set_traced(&process->signals, true, is_seized);
}

void ptrace_inherit(struct process *child, int event)
{
    const struct ptrace *mine = &process_current()->ptrace;

    if (!mine->tracer || !(mine->options & 1u << event))
        return;
    link_to(child, mine->tracer, mine->options, mine->is_seized);
    signal_begin_stopped(child, mine->is_seized);
}

/* Lets a stopped tracee go on. */
static void let_go(struct process *process, int signo, bool is_continued)
{
    struct signal_state *state = &process->signals;

    process->ptrace.inject = signo;
    process->ptrace.stop = PTRACE_STOP_NONE;
    process->ptrace.status = 0;
    spin_lock(&state->lock);
    state->held = false;
    if (is_continued)
        state->stopped = false;
    waitq_wake_all(&state->continued);
    spin_unlock(&state->lock);
}

static void unlink_from_tracer(struct process *process)
{
    struct ptrace *trace = &process->ptrace;

    TAILQ_REMOVE(&trace->tracer->ptrace.tracees, process, ptrace.link);
    trace->tracer = NULL;
    trace->options = 0;
    trace->is_seized = false;
    signal_set_traced(&process->signals, false, false);
    atomic_and(&process->thread->work, ~WORK_PTRACE);
}

void ptrace_end(struct process *process)
{
    struct ptrace *trace = &process->ptrace;

    if (!trace->tracer)
        return;
    unlink_from_tracer(process);
    if (trace->stop != PTRACE_STOP_NONE)
        let_go(process, trace->stop == PTRACE_STOP_SIGNAL ? trace->info.signo : 0, false);
}

void ptrace_tracer_exits(struct process *tracer)
{
    struct process *tracee;

    while ((tracee = TAILQ_FIRST(&tracer->ptrace.tracees))) {
        bool is_to_die = tracee->ptrace.options & PTRACE_O_EXITKILL;

        ptrace_end(tracee);
        if (tracee->zombie) {
            if (tracee->parent != tracer)
                news_of_end(tracee);
        } else if (is_to_die) {
            signal_send_kernel(tracee, SIGKILL);
        }
    }
}

/* ---- The tracer's requests ---- */

/* The caller's tracee with that pid; NULL: there is none. The tree lock is held. */
static struct process *find_tracee(int pid)
{
    struct process *process = pid > 0 ? process_find(pid) : NULL;

    return process && process->ptrace.tracer == process_current() ? process : NULL;
}

/* The same if it has stopped. One that is being killed has left its stop, or is about to: it will not touch its
   registers before it gets the tree lock. */
static struct process *find_stopped(int pid)
{
    struct process *process = find_tracee(pid);

    return process && process->ptrace.stop != PTRACE_STOP_NONE ? process : NULL;
}

int ptrace_me(void)
{
    struct process *self = process_current();
    int err = -EPERM;

    mutex_lock(&process_tree_lock);
    if (!self->ptrace.tracer && self->parent) {
        link_to(self, self->parent, 0, false);
        err = 0;
    }
    mutex_unlock(&process_tree_lock);
    return err;
}

int ptrace_seize(int pid, uint64_t options)
{
    struct process *self = process_current();

    if (options & ~(uint64_t)KNOWN_OPTIONS)
        return -EIO;
    mutex_lock(&process_tree_lock);
    struct process *process = pid > 0 ? process_find(pid) : NULL;
    int err = process ? -EPERM : -ESRCH;
    if (process && process != self && process->pid != 1 && !process->zombie &&
        !process->ptrace.tracer) {
        link_to(process, self, options, true);
        if (process->signals.stopped) /* it stops again, for its tracer */
            signal_want_trap(process);
        err = 0;
    }
    mutex_unlock(&process_tree_lock);
    return err;
}

int ptrace_set_options(int pid, uint64_t options)
{
    mutex_lock(&process_tree_lock);
    struct process *process = find_stopped(pid);
    bool is_known = !(options & ~(uint64_t)KNOWN_OPTIONS);
    if (process && is_known)
        process->ptrace.options = options;
    mutex_unlock(&process_tree_lock);
    if (!process)
        return -ESRCH;
    return is_known ? 0 : -EINVAL;
}

int ptrace_interrupt(int pid)
{
    int err = -ESRCH;

    mutex_lock(&process_tree_lock);
    struct process *process = find_tracee(pid);
    if (process)
        err = process->ptrace.is_seized ? 0 : -EIO;
    if (!err && !process->zombie)
        signal_want_trap(process);
    mutex_unlock(&process_tree_lock);
    return err;
}

int ptrace_kill(int pid)
{
    mutex_lock(&process_tree_lock);
    struct process *process = find_tracee(pid);
    if (process && !process->zombie)
        signal_send_kernel(process, SIGKILL);
    mutex_unlock(&process_tree_lock);
    return process ? 0 : -ESRCH;
}

/* A parent that was the tracer has not heard yet, as a parent, that its child is stopped. */
static void detach(struct process *process)
{
    const struct ptrace *trace = &process->ptrace;
    bool is_untold = trace->stop == PTRACE_STOP_GROUP && trace->tracer == process->parent;

    unlink_from_tracer(process);
    if (is_untold && process->signals.stopped)
        news_of_stop(process, trace->info.signo);
}

/* The tree lock is held. */
static int resume(struct process *process, enum ptrace_resume how, int signo)
{
    bool is_group = process->ptrace.stop == PTRACE_STOP_GROUP;

    if (how == PTRACE_RESUME_LISTEN && (!is_group || !process->ptrace.is_seized))
        return -EIO;
    if (how == PTRACE_RESUME_SYSCALL)
        atomic_or(&process->thread->work, WORK_PTRACE);
    else
        atomic_and(&process->thread->work, ~WORK_PTRACE);
    if (how == PTRACE_RESUME_DETACH)
        detach(process);
    /* A tracer that has it go on overrules the signal that stopped it; one that leaves does not. */
    let_go(process, signo, is_group && (how == PTRACE_RESUME_CONT || how == PTRACE_RESUME_SYSCALL));
    return 0;
}

int ptrace_resume(int pid, enum ptrace_resume how, uint64_t signo)
{
    int err = -ESRCH;

    mutex_lock(&process_tree_lock);
    struct process *process = find_stopped(pid);
    if (process)
        err = signo <= SIGNALS ? resume(process, how, signo) : -EIO;
    mutex_unlock(&process_tree_lock);
    return err;
}

int ptrace_look(int pid, struct ptrace_view *view)
{
    mutex_lock(&process_tree_lock);
    const struct process *process = find_stopped(pid);
    if (process) {
        const struct ptrace *trace = &process->ptrace;

        *view = (struct ptrace_view){
            .stop = trace->stop,
            .has_info = trace->stop != PTRACE_STOP_GROUP || trace->is_seized,
            .tf = *thread_trapframe(process->thread),
            .fs_base = process->thread->context.fs_base,
            .message = trace->message,
            .info = trace->info,
        };
        if (trace->stop == PTRACE_STOP_EXIT)
            signal_show_restart(&view->tf);
    }
    mutex_unlock(&process_tree_lock);
    return process ? 0 : -ESRCH;
}

int ptrace_get_vspace(int pid, struct vspace **vspace)
{
    mutex_lock(&process_tree_lock);
    const struct process *process = find_stopped(pid);
    if (process)
        vspace_get(*vspace = process->vspace); /* it has one until it is past all stops */
    mutex_unlock(&process_tree_lock);
    return process ? 0 : -ESRCH;
}
