/* The end of a process.

   Exit gives back all that the process has, and only then does the process become a zombie. So a
   parent that has waited for it finds every frame free again, but for the kernel stack, which the
   waiter frees (wait.c). Exit never allocates.

   The end of init is the end of the machine: it turns off with init's status, or, if a signal has
   killed init, panics. A DEBUG build runs the audit whenever a fault ends a process, or the lack of
   memory.

   Always true: a zombie has no vspace, no files and no children, and its thread has left user mode
   for ever.

   Lock: the tree lock, while parents, children and zombies change; none while memory and files are
   given back. */

#include <linux/errno.h>
#include <arch/atomic.h>
#include <arch/event.h>
#include <arch/console.h>
#include <arch/power.h>
#include <fs/flusher.h>
#include <lib/panic.h>
#include <proc/futex.h>
#include <proc/news.h>
#include <proc/oom.h>
#include <proc/process.h>
#include <proc/ptrace.h>
#include <proc/session.h>
#include <sched/run.h>
#include <sched/world.h>
#include <vm/audit.h>
#include "signal_set.h"

/* Drops the memory and the program. The fields are cleared first, under the lock, so that observers do not
   find them half gone. */
static void give_back(struct process *process)
{
    mutex_lock(&process_tree_lock);
    process->earlier_faults = process_usage(process).minor_faults;
    struct vspace *vspace = process->vspace;
    struct vnode *exe = process->exe;
    process->vspace = NULL;
    process->exe = NULL;
    oom_return_begins();
    mutex_unlock(&process_tree_lock);

    if (vspace)
        vspace_leave(vspace);
    oom_return_ends();
    vnode_exe_put(exe);
    news_of_vfork_end(process);
}

/* Sends a child the signal that it has asked for at the end of its creator. */
static void tell_death(struct process *child)
{
    if (child->death_signal && !child->zombie)
        signal_send(child, &(struct signal_info){.signo = child->death_signal,
                                                 .code = SI_USER,
                                                 .pid = process_current()->pid});
}

/* Makes another task the creator of the children of one that ends. The list is as long as the
   process has children. The tree lock is held. */
static void hand_children_over(struct task *self)
{
    struct process *child;

    TAILQ_FOREACH (child, &self->process->children, sibling) {
        if (child->creator != self)
            continue;
        child->creator = TAILQ_FIRST(&self->process->tasks);
        tell_death(child);
    }
}

/* Makes init the parent of all children, and notifies it if one of them is a zombie. */
static void orphan_children(struct process *process)
{
    struct process *child, *zombie = NULL;

    while ((child = TAILQ_FIRST(&process->children))) {
        process_give_to_init(child);
        tell_death(child);
        if (child->zombie)
            zombie = child;
        group_check_orphaned(child, process, NULL);
    }
    if (zombie)
        news_wake(zombie->parent);
}

static void become_zombie(struct process *process)
{
    mutex_lock(&process_tree_lock);
    alarm_stop(&process->alarm);
    posix_timers_forget(process);
    session_leave(process);
    ptrace_tracer_exits(process);
    orphan_children(process);
    group_check_orphaned(process, process->parent, process);
    process->zombie = true;
    news_of_end(process);
    mutex_unlock(&process_tree_lock);
}

/* Runs the audit. Returns the number of differences. */
static unsigned audit_at_end(void)
{
    while (world_stop())
        world_rest(); /* until another audit ends */
    unsigned differences = audit_run();
    world_resume();
    return differences;
}

/* Returns what has caused a signal that the kernel forces on a process. */
static const char *signal_meaning(int signo)
{
    switch (signo) {
    case SIGSEGV:
        return "a bad address";
    case SIGBUS:
        return "a page that its file does not have";
    case SIGILL:
        return "an invalid instruction";
    case SIGFPE:
        return "an arithmetic error";
    case SIGTRAP:
        return "a breakpoint";
    case SIGKILL:
        return "no memory";
    default:
        return "unexpected";
    }
}

/* Ends the machine, because init has ended. Only a mistake of the kernel or of init, or the end of
   memory, can kill init: the signals of others do nothing to it. */
static __noreturn void init_ends(int status)
{
    if (!(status & 0x7f)) {
        if (status)
            printk("the first process ended with status %d\n", status >> 8);
        flusher_finish();
        machine_poweroff(status >> 8);
    }
    console_panic_mode(); /* "quiet" does not silence this */
    printk("audit: %u differences\n", audit_at_end());
    if (status == SIGSEGV || status == SIGBUS)
        panic(RULE(1) "the first process ended: signal %d (%s) has killed it", status,
              signal_meaning(status));
    panic("the first process ended: signal %d (%s) has killed it", status, signal_meaning(status));
}

/* ---- The end of a task ---- */

/* Takes a task that has ended from its process, which keeps its CPU time. The tree lock is held. */
static void remove_ended(struct task *task)
{
    struct cputime *sum = &task->process->freed_cpu, cpu = task_cputime(task);

    TAILQ_REMOVE(&task->process->ended, task, link);
    sum->user_ns += cpu.user_ns;
    sum->kernel_ns += cpu.kernel_ns;
    task->process->freed_user_ticks += task->thread->times.user;
}

/* The leader stays, and so do tasks that a tracer is to wait for. The list has one other element,
   unless several end at a time. */
void task_free_ended(struct process *process)
{
    struct task_list list = TAILQ_HEAD_INITIALIZER(list);
    struct task *task, *next;

    mutex_lock(&process_tree_lock);
    TAILQ_FOREACH_SAFE (task, &process->ended, link, next) {
        if (task == process->leader || task->ptrace.tracer)
            continue;
        remove_ended(task);
        TAILQ_INSERT_TAIL(&list, task, link);
    }
    mutex_unlock(&process_tree_lock);
    TAILQ_FOREACH_SAFE (task, &list, link, next)
        task_free(task);
}

/* Takes the current task from its process. Returns true if it was the last; if not, the task must
   not sleep from now on, because another one may wait for it to free it. */
static bool leave(struct task *self, int status)
{
    struct process *process = self->process;

    mutex_lock(&process_tree_lock);
    bool is_last = task_unlink(self, status);
    if (self != process->leader)
        process_count_further_task(-1);
    ptrace_task_ended(self);
    if (!is_last) {
        hand_children_over(self);
        news_check_stop(process);
        vspace_leave(process->vspace); /* task_clone entered it; the process has a reference */
    }
    mutex_unlock(&process_tree_lock);
    return is_last;
}

void task_exit(int status)
{
    struct task *self = task_current();
    struct process *process = self->process;

    ptrace_exits(status);
    spin_lock(&process->signals.lock);
    self->signals.is_ending = true;
    signal_pass_on(process);
    if (!process->signals.exiting)
        process->exit_status = status; /* that of the last one to leave stays, as on Linux */
    spin_unlock(&process->signals.lock);
    futex_leave();
    task_drop_files(self);
    task_free_ended(process);
    /* Before the last task gives the address space back: this one may be preempted in between, and
       would load freed tables when it runs again. */
    thread_set_space(NULL);
    if (leave(self, status)) {
        EVENT(exit, process->pid, process->exit_status);
        if (process->pid == INIT_PID)
            init_ends(process->exit_status);
        give_back(process);
        become_zombie(process);
    }
    thread_exit();
}

/* Makes all other tasks of the process see that they are to end. signals.lock is held. */
static void interrupt_others(struct process *process)
{
    struct task *task;

    TAILQ_FOREACH (task, &process->tasks, link)
        if (task != task_current())
            thread_interrupt(task->thread, WORK_SIGNAL | WORK_KILL);
    waitq_wake_all(&process->signals.continued);
}

/* Makes the current task the leader, if another one was; that has ended. Takes the tree lock. */
static void become_leader(struct process *process)
{
    struct task *self = task_current(), *old = process->leader;

    if (old == self)
        return;
    mutex_lock(&process_tree_lock);
    struct process *tracer = old->ptrace.tracer;
    ptrace_end(old);
    if (tracer) /* its wait for this tracee ends without a status */
        news_wake(tracer);
    remove_ended(old);
    process->leader = self;
    process_count_further_task(-1);
    task_renumber(self, process->pid);
    mutex_unlock(&process_tree_lock);
    task_free(old);
}

static bool has_other_tasks(const struct process *process)
{
    return TAILQ_NEXT(TAILQ_FIRST(&process->tasks), link);
}

/* Lets the current task end all others, and waits until they have left. Returns false if it is to
   end itself. signals.lock is held. */
static bool end_others_locked(struct task *self)
{
    struct process *process = self->process;
    struct signal_state *state = &process->signals;

    if (signal_must_end(self))
        return false;
    state->execs = self;
    interrupt_others(process);
    while (has_other_tasks(process) && !signal_must_end(self)) {
        /* A signal that is not SIGKILL is taken later. */
        atomic_and(&thread_current()->work, ~WORK_KILL);
        (void)!waitq_sleep_killable(&state->task_ended, &state->lock);
    }
    state->execs = NULL;
    return !has_other_tasks(process);
}

int task_end_others(void)
{
    struct task *self = task_current();

    spin_lock(&self->process->signals.lock);
    bool is_alone = end_others_locked(self);
    spin_unlock(&self->process->signals.lock);
    if (!is_alone)
        return -EINTR;
    become_leader(self->process);
    return 0;
}

void process_exit(int status)
{
    struct process *process = process_current();

    if (process->pid == INIT_PID)
        init_ends(status);
    ptrace_exits(status);
    spin_lock(&process->signals.lock);
    signal_end_all(process, status);
    spin_unlock(&process->signals.lock);
    task_exit(status);
}

void process_exit_by_signal(const struct signal_info *info)
{
    bool is_from_kernel = info->code > 0;

    if (IS_DEBUG && is_from_kernel && process_current()->pid != INIT_PID && audit_at_end())
        panic("pid %d ends by signal %d, and the audit finds differences", process_current()->pid,
              info->signo);
    process_exit(info->signo);
}
