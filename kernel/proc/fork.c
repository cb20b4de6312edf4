/* fork, vfork and clone: a child, or another task of the process.

   All that can fail comes first; the child is linked into the tree last, and starts then. It enters
   user mode through a copy of the parent's trapframe, with 0 as the result.

   Always true: a process in the tree is complete.

   Locks: the parent's vspace for writing while it is copied (vm/vspace.c); the tree lock while the
   child is linked and started. */

#include <linux/errno.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <arch/atomic.h>
#include <arch/event.h>
#include <arch/boot.h>
#include <fs/path.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <proc/news.h>
#include <proc/process.h>
#include <proc/ptrace.h>
#include <proc/user_return.h>
#include <proc/wait.h>
#include <vm/usercopy.h>

/* Runs a task from its first step on, in the vspace of its process and on its own kernel stack. */
static void task_begin(void *arg)
{
    const struct task *task = arg;

    thread_set_space(&task->process->vspace->pagetable.mmu);
    if (task->set_child_tid)
        (void)!put_user((int __user *)task->set_child_tid, &task->tid); /* may fail, as on Linux */
    user_return_first();
}

static int copy_vspace(struct process *child, struct process *parent, unsigned flags)
{
    if (!(flags & CLONE_VM))
        return vspace_fork(parent->vspace, &child->vspace);
    vspace_enter(parent->vspace);
    child->vspace = parent->vspace;
    return 0;
}

static void copy_registers(struct task *child, const struct fork_request *request)
{
    struct trapframe *tf = thread_trapframe(child->thread);

    *tf = *thread_trapframe(thread_current());
    tf->rax = 0;
    if (request->stack)
        tf->rsp = request->stack;
    context_fork(&child->thread->context);
    if (request->flags & CLONE_SETTLS)
        child->thread->context.fs_base = request->tls;
    if (request->flags & CLONE_CHILD_SETTID)
        child->set_child_tid = request->child_tid;
    if (request->flags & CLONE_CHILD_CLEARTID)
        child->clear_tid = request->child_tid;
    thread_set_fail_nth(child->thread, atomic_load_relaxed(&thread_current()->fail_nth));
    child->thread->fail_io = atomic_load_relaxed(&thread_current()->fail_io);
}

static void copy_rest(struct process *child, struct process *parent)
{
    child->layout = parent->layout;
    child->has_barriers = atomic_load(&parent->has_barriers);
    vnode_exe_get(parent->exe);
    child->exe = parent->exe;
    mutex_lock(&process_tree_lock);
    memcpy(child->leader->name, task_current()->name, sizeof(child->leader->name));
    memcpy(child->rlimits, parent->rlimits, sizeof(child->rlimits));
    child->counts_cpu = process_limit(child, RLIMIT_CPU) != ~0ul;
    mutex_unlock(&process_tree_lock);
}

/* Frees a child that has not been linked, as far as it was made. */
static void child_discard(struct process *child)
{
    vnode_exe_put(child->exe);
    if (child->vspace)
        vspace_leave(child->vspace);
    if (child->leader) {
        task_drop_files(child->leader);
        task_free(child->leader);
    }
    process_free(child);
}

/* Makes a child that lacks only its place in the tree. -ENOMEM: nothing was made. */
static int child_create(const struct fork_request *request, struct process **out)
{
    struct process *parent = process_current(), *child = process_alloc();
    int err = -ENOMEM;

    if (!child)
        return err;
    child->leader = task_create(child, task_begin);
    if (child->leader)
        err = task_copy_files(child->leader, request->flags);
    if (!err)
        err = signal_copy_actions(child, request->flags);
    if (!err)
        err = copy_vspace(child, parent, request->flags);
    if (err) {
        child_discard(child);
        return err;
    }
    copy_rest(child, parent);
    signal_fork(child->leader, request->flags);
    copy_registers(child->leader, request);
    child->is_vforked = request->flags & CLONE_VFORK;
    child->borrows_vspace = request->flags & CLONE_VM;
    if (parent->borrows_vspace) /* then the copied vspace has the limits of its owner */
        process_limit_vspace(child);
    *out = child;
    return 0;
}

/* Returns true if the current task has signals to take first, or is to end. */
static bool must_take_signals(void)
{
    return signal_is_pending() || signal_is_killed();
}

/* Links the child, which is started later. Returns its pid. -EAGAIN, -EINTR.

   A signal to the parent's group must reach the child too. If it was posted before the child is a
   member, it is pending for the parent now. If this task is to take it, the call fails, and is started
   again after that. A signal that this task blocks, as musl's fork blocks all, or that another task
   takes, becomes pending for the child too. */
static int child_link(struct process *child, unsigned flags)
{
    mutex_lock(&process_tree_lock);
    int result = must_take_signals() ? -EINTR : process_link(child, process_current());
    if (!result) {
        result = child->pid;
        EVENT(fork, child->pid, process_current()->pid, child->vspace->number);
        child->exit_signal = flags & CSIGNAL;
        if (flags & CLONE_PARENT)
            process_give_to_parent(child);
        (void)!task_link(child->leader, child->pid); /* a new process is not ending */
        signal_fork_end(child->leader);
        ptrace_inherit(child->leader, flags);
    }
    mutex_unlock(&process_tree_lock);
    return result;
}

/* Writes the number of the new task where CLONE_PARENT_SETTID asks for it. The task has not started
   yet, so it finds its number there, and memory that it frees is not written any more. */
static void tell_parent_tid(const struct fork_request *request, int tid)
{
    if (request->flags & CLONE_PARENT_SETTID)
        (void)!put_user((int __user *)request->parent_tid, &tid); /* may fail, as on Linux */
}

/* Returns true if the child no longer uses our address space: it called exec, or it exited. If we
   ignore SIGCHLD, the child is gone at once, so a missing pid counts as exited. *seen is the
   news_count before the look. */
static bool is_vfork_over(int pid, unsigned *seen)
{
    mutex_lock(&process_tree_lock);
    *seen = atomic_load(&process_current()->news_count);
    const struct process *child = process_find(pid);
    bool over = !child || !child->is_vforked;
    mutex_unlock(&process_tree_lock);
    return over;
}

/* Sleeps until the child no longer uses our address space, or a signal will end this process. Other
   signals stay pending, because a handler would run in memory that the child uses. Returns false if
   this process is to end. */
static bool wait_for_vfork(int pid)
{
    unsigned seen;

    while (!is_vfork_over(pid, &seen))
        if (news_wait(seen, waitq_sleep_killable) && signal_is_killed())
            return false;
    return true;
}

int process_fork(const struct fork_request *request)
{
    struct process *child;

    mutex_lock(&process_tree_lock);
    bool may_fork = process_may_fork(process_current());
    mutex_unlock(&process_tree_lock);
    if (!may_fork) /* before a whole child is made in vain */
        return -EAGAIN;
    process_reap_disowned(2); /* more than this fork can add */
    signal_fork_begin();
    int err = child_create(request, &child);
    if (err)
        return err;
    int pid = child_link(child, request->flags);
    if (pid < 0) {
        child_discard(child);
        return pid;
    }
    tell_parent_tid(request, pid);
    thread_start(child->leader->thread);
    ptrace_forked(request->flags, pid);
    if ((request->flags & CLONE_VFORK) && wait_for_vfork(pid))
        ptrace_vfork_done(pid);
    return pid;
}

/* ---- Tasks of the process ---- */

/* Links a task, which is started later. Returns its tid. -EAGAIN, -EINTR. */
static int task_link_new(struct task *task, unsigned flags)
{
    mutex_lock(&process_tree_lock);
    int tid = process_may_fork(task->process) ? process_choose_number() : 0;
    int err = tid ? task_link(task, tid) : -EAGAIN;
    if (!err) {
        process_count_further_task(1);
        ptrace_inherit(task, flags);
    }
    mutex_unlock(&process_tree_lock);
    return err ? err : tid;
}

/* Frees a task that has not been linked. */
static void task_discard(struct task *task)
{
    task_drop_files(task);
    task_free(task);
}

/* Makes a task that is still to be linked. -ENOMEM. */
static int task_make(const struct fork_request *request, struct task **out)
{
    struct task *task = task_create(process_current(), task_begin);

    if (!task)
        return -ENOMEM;
    if (task_copy_files(task, request->flags)) {
        task_discard(task);
        return -ENOMEM;
    }
    *out = task;
    return 0;
}

int task_clone(const struct fork_request *request)
{
    struct task *task;

    task_free_ended(process_current());
    int err = task_make(request, &task);
    if (err)
        return err;
    copy_registers(task, request);
    task->signals.blocked = task_current()->signals.blocked;
    strlcpy(task->name, task_current()->name, sizeof(task->name));
    /* Before the task runs: where a space has one thread, a fault shows a copy in one step. */
    vspace_enter(task->process->vspace);
    int tid = task_link_new(task, request->flags);
    if (tid < 0) {
        vspace_leave(task->process->vspace);
        task_discard(task);
        return tid;
    }
    tell_parent_tid(request, tid);
    thread_start(task->thread);
    ptrace_forked(request->flags, tid);
    return tid;
}

/* ---- The first process ---- */

static const char *why_not_started(int err)
{
    switch (err) {
    case -ENOENT:
        return "there is no such file";
    case -ENOEXEC:
        return "it is no static program for x86-64";
    case -EACCES:
        return "it is not executable";
    case -ENOMEM:
        return "there is not enough memory";
    default:
        return "exec fails";
    }
}

static void init_begin(void *arg)
{
    const struct task *task = arg;
    char path[TASK_NAME_SIZE];
    struct exec_request request = {.path = path};

    strlcpy(path, task->name, sizeof(path));
    request.name = strrchr(path, '/') + 1;
    int err = path_lookup(vfs_root, path, PATH_FOLLOW, &request.file);
    if (!err) {
        err = process_exec(&request);
        vnode_put(request.file);
    }
    if (err == -E2BIG || err == -EFAULT)
        panic(RULE(1) "cannot run %s: its arguments cannot be written to its stack, error %d", path,
              -err);
    if (err)
        boot_fail("cannot run %s: %s, error %d", path, why_not_started(err), -err);
    user_return_first();
}

/* Init's CPU time counts 1/64 for its turns, because it reaps for all. With no more than its share,
   it would fall behind many processes that fork and exit, until zombies held all memory. */
#define INIT_WEIGHT   64
#define UMASK_DEFAULT 022

void process_start_init(const char *path)
{
    struct process *init = process_alloc();

    if (!init || signal_create_actions(init))
        panic("no memory for the first process");
    init->leader = task_create(init, init_begin);
    if (!init->leader || fdtable_create(&init->leader->files) ||
        !(init->leader->workdir = workdir_create(vfs_root, UMASK_DEFAULT)))
        panic("no memory for the first thread");
    init->leader->thread->rate = TURN_RATE_ONE / INIT_WEIGHT;
    strlcpy(init->leader->name, path, sizeof(init->leader->name));
    init->signals.spared = true;
    init->exit_signal = SIGCHLD;
    mutex_lock(&process_tree_lock);
    int err = process_link(init, NULL);
    if (!err)
        err = task_link(init->leader, init->pid);
    mutex_unlock(&process_tree_lock);
    assert(!err && init->pid == 1);
    thread_start(init->leader->thread);
}
