/* ptrace: the stops of a tracee, and what its tracer does meanwhile.

       the tracee                                       the tracer
       ptrace_stop_begin: what it stops at, and SIGCHLD ->  wait4 takes `status`; ptrace_look
       ptrace_stop_sleep: while it is held              <-  ptrace_resume: `inject`, released
       ptrace_stop_end: takes `inject`, goes on

   Always true: while the tracer holds the tree lock and sees a stop, the registers of the tracee do
   not change. The tracee sleeps, or waits for the tree lock, which it needs to leave the stop.
   SIGKILL wakes the tracee and does nothing else.

   No stop is lost: its status stays until the tracer takes it or resumes the tracee, or until
   SIGKILL ends the tracee; then its end is reported instead. No stop is reported twice, because
   taking the status clears it.

   When a tracer exits, its tracees run on, untraced. Those with PTRACE_O_EXITKILL are killed.

   If the tracer is not the parent, both are told of the tracee's end: the tracer first; the parent
   when the tracer has waited or traces it no more (news.c). Until then the parent's wait4 does not
   see a zombie (wait.c).

   Locks: the tree lock for struct ptrace. Inside it signals.lock for struct tracing, which posting a
   signal reads, and for the sleep. */

#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <lib/panic.h>
#include <proc/news.h>
#include <proc/process.h>
#include <proc/ptrace.h>
#include <proc/restart.h>
#include <sched/run.h>
#include "signal_set.h"

#define KNOWN_OPTIONS                                                                         \
    (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
     PTRACE_O_TRACEEXEC | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL)

#define SYSGOOD_BIT      0x80
#define STOP_CODE(event) (SIGTRAP | (event) << 8)

/* ---- Signals of a tracee ---- */

/* Makes a tracee stop for its tracer as soon as it can, even if it sleeps or is stopped already. */
static void want_trap(struct task *task)
{
    struct spinlock *lock = &task->process->signals.lock;

    spin_lock(lock);
    tracing_want_trap(task);
    spin_unlock(lock);
    thread_interrupt(task->thread, WORK_SIGNAL);
}

/* Makes a child stop before its first step: for its tracer if that has seized it, else by SIGSTOP.
   Only WORK_SIGNAL is set, without a wake-up, because that would start the child's thread. */
static void begin_stopped(struct task *child)
{
    struct spinlock *lock = &child->process->signals.lock;

    spin_lock(lock);
    if (child->ptrace.is_seized)
        tracing_want_trap(child);
    else
        (void)signal_queue_add(&child->signals.pending,
                               &(struct signal_info){.signo = SIGSTOP, .code = SI_USER}, ~0ul);
    spin_unlock(lock);
    atomic_or(&child->thread->work, WORK_SIGNAL);
}

/* ---- A stop, from the tracee's side ---- */

/* A stop that is due. `code` is the stopping signal in wait4, with an event in the bits above. */
struct stop {
    enum ptrace_stop kind;
    int code;
    unsigned option; /* the PTRACE_O_ that asks for it; 0: it needs none */
    uint64_t message;
    const struct signal_info *info; /* NULL: made from `code` */
};

/* Returns the code of the stop, with the bits that depend on how the process is traced. */
static int stop_code(const struct ptrace *ptrace, const struct stop *stop)
{
    bool is_call = stop->kind == PTRACE_STOP_ENTRY || stop->kind == PTRACE_STOP_EXIT;

    if (is_call && (ptrace->options & PTRACE_O_TRACESYSGOOD))
        return stop->code | SYSGOOD_BIT;
    if (stop->kind == PTRACE_STOP_GROUP && ptrace->is_seized)
        return stop->code | PTRACE_EVENT_STOP << 8;
    return stop->code;
}

/* Marks the task as about to sleep for its tracer. */
static void hold_for_tracer(struct task *self, enum ptrace_stop kind)
{
    bool is_own = kind == PTRACE_STOP_TRAP || kind == PTRACE_STOP_GROUP;

    spin_lock(&self->process->signals.lock);
    tracing_hold(self, is_own ? TRACING_STOP_OWN : TRACING_STOP_OTHER);
    if (kind == PTRACE_STOP_GROUP)
        self->signals.told_stop = self->process->signals.stop_number;
    spin_unlock(&self->process->signals.lock);
}

/* Notes the stop and notifies the tracer. Returns false if there is no tracer, or it has not asked
   for this stop. */
static bool ptrace_stop_begin(struct task *self, const struct stop *stop)
{
    struct ptrace *ptrace = &self->ptrace;

    mutex_lock(&process_tree_lock);
    bool is_due = ptrace->tracer && (!stop->option || (ptrace->options & stop->option));
    if (is_due) {
        int code = stop_code(ptrace, stop);

        ptrace->stop = stop->kind;
        ptrace->status = code << 8 | 0x7f;
        ptrace->message = stop->message;
        ptrace->inject = 0;
        ptrace->info =
            stop->info ? *stop->info
                       : (struct signal_info){.signo = code & 0x7f, .code = code, .pid = self->tid};
        hold_for_tracer(self, stop->kind);
        news_of_ptrace_stop(self, code & 0x7f);
    }
    mutex_unlock(&process_tree_lock);
    return is_due;
}

/* Sleeps until the tracer resumes the process, or SIGKILL is pending.

   WORK_KILL may be left from a signal that was fatal before there was a tracer to ask, so it is
   cleared. No SIGKILL is missed: its sender adds it to `pending` under the lock, and only then sets
   WORK_KILL. So if the bit is set before we look, we find the signal pending. */
static void ptrace_stop_sleep(struct task *self)
{
    struct signal_state *state = &self->process->signals;

    spin_lock(&state->lock);
    while (is_held(self) && !signal_must_end(self)) {
        atomic_and(&thread_current()->work, ~WORK_KILL);
        (void)!waitq_sleep_killable(&state->continued, &state->lock);
    }
    tracing_release(self);
    /* A signal that was posted meanwhile may have woken another task, which has ended since. */
    if (signal_pending_of(self) & ~self->signals.blocked)
        thread_set_work(thread_current(), WORK_SIGNAL);
    spin_unlock(&state->lock);
}

/* Ends the stop. Returns the signal that the tracer has injected. */
static int ptrace_stop_end(struct task *self)
{
    mutex_lock(&process_tree_lock);
    self->ptrace.stop = PTRACE_STOP_NONE;
    self->ptrace.status = 0; /* SIGKILL came before the tracer took it: the end is reported */
    int signo = self->ptrace.inject;
    mutex_unlock(&process_tree_lock);
    return signo;
}

/* Stops, if the stop is due. Returns true if it was; *signo is then the injected signal. */
static bool stop_at(const struct stop *stop, int *signo)
{
    struct task *self = task_current();

    if (!ptrace_stop_begin(self, stop))
        return false;
    ptrace_stop_sleep(self);
    *signo = ptrace_stop_end(self);
    return true;
}

/* ---- The tracee's stops ---- */

static struct signal_info user_signal(int signo)
{
    return (struct signal_info){.signo = signo, .code = SI_USER, .pid = process_current()->pid};
}

/* Stops at a system call. A signal that the tracer injects is sent to the task. */
static void stop_at_call(enum ptrace_stop kind, uint64_t message)
{
    int signo;

    if (!stop_at(&(struct stop){.kind = kind, .code = SIGTRAP, .message = message}, &signo) ||
        !signo)
        return;
    const struct signal_info info = user_signal(signo);
    signal_send_task(task_current(), &info);
}

bool ptrace_call_begins(struct trapframe *tf)
{
    tf->rax = -ENOSYS; /* the value that Linux shows a tracer */
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

void ptrace_group_stop(int signo)
{
    int unused;

    (void)stop_at(&(struct stop){.kind = PTRACE_STOP_GROUP, .code = signo}, &unused);
}

void ptrace_trap(void)
{
    int unused;

    (void)stop_at(&(struct stop){.kind = PTRACE_STOP_TRAP, .code = STOP_CODE(PTRACE_EVENT_STOP)},
                  &unused);
}

/* Stops at `event`, a PTRACE_EVENT_, if the tracer has set its option. */
static void stop_at_event(int event, uint64_t message)
{
    const struct stop stop = {.kind = PTRACE_STOP_EVENT,
                              .code = STOP_CODE(event),
                              .option = 1u << event,
                              .message = message};
    int unused;

    (void)stop_at(&stop, &unused);
}

/* Returns the event of a fork, as Linux tells fork, vfork and clone apart. */
static int fork_event(unsigned flags)
{
    if (flags & CLONE_VFORK)
        return PTRACE_EVENT_VFORK;
    return (flags & CSIGNAL) == SIGCHLD ? PTRACE_EVENT_FORK : PTRACE_EVENT_CLONE;
}

void ptrace_forked(unsigned flags, int pid)
{
    stop_at_event(fork_event(flags), pid);
}

void ptrace_vfork_done(int pid)
{
    stop_at_event(PTRACE_EVENT_VFORK_DONE, pid);
}

void ptrace_exits(int status)
{
    if (!signal_is_killed())
        stop_at_event(PTRACE_EVENT_EXIT, status);
}

void ptrace_execed(int old_tid)
{
    struct task *self = task_current();
    const struct signal_info info = user_signal(SIGTRAP);

    stop_at_event(PTRACE_EVENT_EXEC, old_tid);
    mutex_lock(&process_tree_lock);
    const struct ptrace *ptrace = &self->ptrace;
    if (ptrace->tracer && !ptrace->is_seized && !(ptrace->options & PTRACE_O_TRACEEXEC))
        signal_send_task(self, &info); /* PTRACE_TRACEME without the option: the old protocol */
    mutex_unlock(&process_tree_lock);
}

/* ---- Tracers and tracees; the tree lock is held ---- */

static void tracer_link(struct task *task, struct process *tracer, bool is_seized, unsigned options)
{
    struct ptrace *ptrace = &task->ptrace;

    assert(mutex_is_held(&process_tree_lock));
    ptrace->tracer = tracer;
    ptrace->options = options;
    ptrace->is_seized = is_seized;
    TAILQ_INSERT_TAIL(&tracer->tracees, task, ptrace.link);
    spin_lock(&task->process->signals.lock);
    tracing_begin(task, is_seized);
    spin_unlock(&task->process->signals.lock);
}

void ptrace_inherit(struct task *child, unsigned flags)
{
    const struct ptrace *mine = &task_current()->ptrace;

    assert(mutex_is_held(&process_tree_lock));
    if (!mine->tracer || !(mine->options & 1u << fork_event(flags)))
        return;
    tracer_link(child, mine->tracer, mine->is_seized, mine->options);
    begin_stopped(child);
}

/* Resumes a stopped tracee, which takes `signo`. If a signal has stopped the process, it stays
   stopped by that. */
static void let_go(struct task *task, int signo)
{
    task->ptrace.inject = signo;
    task->ptrace.stop = PTRACE_STOP_NONE;
    task->ptrace.status = 0;
    spin_lock(&task->process->signals.lock);
    tracing_release(task);
    spin_unlock(&task->process->signals.lock);
}

/* Lets a tracee run in spite of the stop of its process that the tracer was told of, if that still
   lasts. Others stay stopped. */
static void overrule_stop(struct task *task)
{
    struct signal_state *state = &task->process->signals;

    spin_lock(&state->lock);
    task->signals.overruled_stop = task->signals.told_stop;
    spin_unlock(&state->lock);
    news_check_stop(task->process);
}

static void tracer_unlink(struct task *task)
{
    struct ptrace *ptrace = &task->ptrace;

    TAILQ_REMOVE(&ptrace->tracer->tracees, task, ptrace.link);
    ptrace->tracer = NULL;
    ptrace->options = 0;
    ptrace->is_seized = false;
    spin_lock(&task->process->signals.lock);
    tracing_end(task);
    spin_unlock(&task->process->signals.lock);
    atomic_and(&task->thread->work, ~WORK_PTRACE);
}

/* Returns true if the task's end is reported by itself: that of the leader is its process's. */
static bool has_end_of_its_own(const struct task *task)
{
    return task->has_ended && task != task->process->leader;
}

void ptrace_task_ended(struct task *task)
{
    assert(mutex_is_held(&process_tree_lock));
    if (!task->ptrace.tracer || !has_end_of_its_own(task))
        return;
    task->process->unseen_ends++;
    news_of_task_end(task);
}

void ptrace_end(struct task *task)
{
    struct ptrace *ptrace = &task->ptrace;

    assert(mutex_is_held(&process_tree_lock));
    if (!ptrace->tracer)
        return;
    tracer_unlink(task);
    if (has_end_of_its_own(task)) {
        task->process->unseen_ends--;
        task_free_number(task);
    } else if (ptrace->stop != PTRACE_STOP_NONE)
        let_go(task, ptrace->stop == PTRACE_STOP_SIGNAL ? ptrace->info.signo : 0);
}

void ptrace_tracer_exits(struct process *tracer)
{
    struct task *tracee;

    assert(mutex_is_held(&process_tree_lock));
    while ((tracee = TAILQ_FIRST(&tracer->tracees))) {
        struct process *process = tracee->process;
        bool is_to_die = tracee->ptrace.options & PTRACE_O_EXITKILL;

        ptrace_end(tracee);
        if (process->zombie) {
            if (process->parent != tracer)
                news_of_end(process);
        } else if (is_to_die) {
            signal_send_kernel(process, SIGKILL);
        }
    }
}

/* ---- The tracer's requests ---- */

/* Returns the task with that number, which may have ended; or NULL. The tree lock is held. */
static struct task *find_task(int tid)
{
    struct task *task = tid > 0 ? task_find_even_ended(tid) : NULL;
    const struct process *process = task || tid <= 0 ? NULL : process_find(tid);

    return process ? process->leader : task;
}

/* Returns the caller's tracee with that number, or NULL. The tree lock is held. */
static struct task *find_tracee(int tid)
{
    struct task *task = find_task(tid);

    return task && task->ptrace.tracer == process_current() ? task : NULL;
}

/* Returns the caller's tracee with that number if it is stopped, or NULL. A tracee that is being
   killed may have woken up, but it does not change its registers before it gets the tree lock. */
static struct task *find_stopped(int tid)
{
    struct task *task = find_tracee(tid);

    return task && task->ptrace.stop != PTRACE_STOP_NONE ? task : NULL;
}

int ptrace_me(void)
{
    struct task *self = task_current();
    int err = -EPERM;

    mutex_lock(&process_tree_lock);
    struct process *parent = self->process->parent;
    if (!self->ptrace.tracer && parent) {
        tracer_link(self, parent, false, 0);
        err = 0;
    }
    mutex_unlock(&process_tree_lock);
    return err;
}

static bool may_trace(const struct task *task)
{
    return task->process != process_current() && task->process->pid != INIT_PID &&
           !task->has_ended && !task->ptrace.tracer;
}

/* Makes the caller the tracer of a task. */
static int trace_task(int tid, bool is_seized, unsigned options)
{
    const struct signal_info stop = user_signal(SIGSTOP);
    int err = 0;

    mutex_lock(&process_tree_lock);
    struct task *task = find_task(tid);
    if (!task || !may_trace(task)) {
        err = task ? -EPERM : -ESRCH;
    } else {
        tracer_link(task, process_current(), is_seized, options);
        if (!is_seized)
            signal_send_task(task, &stop);
        if (signal_has_stopped(task)) /* it stops again, for its tracer */
            want_trap(task);
    }
    mutex_unlock(&process_tree_lock);
    return err;
}

int ptrace_seize(int pid, uint64_t options)
{
    if (options & ~(uint64_t)KNOWN_OPTIONS)
        return -EIO;
    return trace_task(pid, true, options);
}

int ptrace_attach(int pid)
{
    return trace_task(pid, false, 0);
}

int ptrace_set_options(int pid, uint64_t options)
{
    mutex_lock(&process_tree_lock);
    struct task *task = find_stopped(pid);
    bool is_known = !(options & ~(uint64_t)KNOWN_OPTIONS);
    if (task && is_known)
        task->ptrace.options = options;
    mutex_unlock(&process_tree_lock);
    if (!task)
        return -ESRCH;
    return is_known ? 0 : -EINVAL;
}

int ptrace_interrupt(int pid)
{
    int err = -ESRCH;

    mutex_lock(&process_tree_lock);
    struct task *task = find_tracee(pid);
    if (task)
        err = task->ptrace.is_seized ? 0 : -EIO;
    if (!err && !task->has_ended)
        want_trap(task);
    mutex_unlock(&process_tree_lock);
    return err;
}

int ptrace_kill(int pid)
{
    mutex_lock(&process_tree_lock);
    struct task *task = find_tracee(pid);
    if (task && !task->process->zombie)
        signal_send_kernel(task->process, SIGKILL);
    mutex_unlock(&process_tree_lock);
    return task ? 0 : -ESRCH;
}

/* Returns true if the stop of the task's process is news that its parent, the tracer, was not told,
   because it traces the leader. The tree lock is held. */
static bool is_stop_untold(const struct task *task)
{
    struct process *process = task->process;

    if (task != process->leader || task->ptrace.tracer != process->parent)
        return false;
    spin_lock(&process->signals.lock);
    bool is_untold = process->signals.stop_told; /* or it will be told */
    spin_unlock(&process->signals.lock);
    return is_untold;
}

/* Ends the tracing of a stopped tracee. If the tracer is the parent and a signal has stopped the
   tracee, the parent is notified of that stop now, because as the tracer it was told of another. */
static void tracer_detach(struct task *task)
{
    struct process *process = task->process;
    bool is_untold = task->ptrace.stop == PTRACE_STOP_GROUP && is_stop_untold(task);

    tracer_unlink(task);
    if (is_untold)
        news_of_stop(process, task->ptrace.info.signo);
}

static int resume_locked(struct task *task, enum ptrace_resume how, int signo)
{
    bool is_group = task->ptrace.stop == PTRACE_STOP_GROUP;

    assert(mutex_is_held(&process_tree_lock));
    if (how == PTRACE_RESUME_LISTEN && (!is_group || !task->ptrace.is_seized))
        return -EIO;
    if (how == PTRACE_RESUME_SYSCALL)
        atomic_or(&task->thread->work, WORK_PTRACE);
    else
        atomic_and(&task->thread->work, ~WORK_PTRACE);
    if (how == PTRACE_RESUME_DETACH)
        tracer_detach(task);
    /* PTRACE_CONT and PTRACE_SYSCALL overrule the signal that stopped the process; PTRACE_DETACH
       does not. */
    if (is_group && (how == PTRACE_RESUME_CONT || how == PTRACE_RESUME_SYSCALL))
        overrule_stop(task);
    let_go(task, signo);
    return 0;
}

int ptrace_resume(int pid, enum ptrace_resume how, uint64_t signo)
{
    int err = -ESRCH;

    mutex_lock(&process_tree_lock);
    struct task *task = find_stopped(pid);
    if (task)
        err = signo <= SIGNALS ? resume_locked(task, how, signo) : -EIO;
    mutex_unlock(&process_tree_lock);
    return err;
}

int ptrace_look(int pid, struct ptrace_view *view)
{
    mutex_lock(&process_tree_lock);
    const struct task *task = find_stopped(pid);
    if (task) {
        const struct ptrace *ptrace = &task->ptrace;

        *view = (struct ptrace_view){
            .stop = ptrace->stop,
            .has_info = ptrace->stop != PTRACE_STOP_GROUP || ptrace->is_seized,
            .tf = *thread_trapframe(task->thread),
            .fs_base = task->thread->context.fs_base,
            .message = ptrace->message,
            .info = ptrace->info,
        };
        if (ptrace->stop == PTRACE_STOP_EXIT)
            restart_show(&view->tf);
    }
    mutex_unlock(&process_tree_lock);
    return task ? 0 : -ESRCH;
}

int ptrace_get_vspace(int pid, struct vspace **vspace)
{
    mutex_lock(&process_tree_lock);
    const struct task *task = find_stopped(pid);
    if (task)
        vspace_get(*vspace = task->process->vspace); /* a process that stops has one */
    mutex_unlock(&process_tree_lock);
    return task ? 0 : -ESRCH;
}
