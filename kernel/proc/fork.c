/* fork, vfork, and clone as posix_spawn uses it.

   Everything that can fail comes first; the child is linked into the tree last, and starts then. Its first step into
   user mode is through a copy of the parent's trapframe, with 0 as the result.

   Locks: the parent's vspace for writing, while it is copied (vm/vspace.c); the tree lock while the child is linked. */

#include <linux/errno.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <arch/atomic.h>
#include <fs/path.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <proc/process.h>
#include <proc/user_return.h>
#include <vm/usercopy.h>

/* Where a child begins: in its own vspace, on its own kernel stack. */
static void child_begin(void *arg)
{
    struct process *process = arg;
    uaddr_t tid = process->child_tid;

    thread_set_space(&process->vspace->pagetable.mmu);
    if (tid && put_user((int __user *)tid, &process->pid)) {
        /* Linux takes no notice either. */
    }
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

static void copy_registers(struct process *child, const struct fork_request *request)
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
        child->child_tid = request->child_tid;
}

static void copy_rest(struct process *child, struct process *parent)
{
    child->thread->process = child;
    thread_set_fail_nth(child->thread, atomic_load_relaxed(&thread_current()->fail_nth));
    child->layout = parent->layout;
    child->umask = parent->umask;
    vnode_get(parent->cwd);
    child->cwd = parent->cwd;
    vnode_exe_get(parent->exe);
    child->exe = parent->exe;
    memcpy(child->name, parent->name, sizeof(child->name));
    memcpy(child->rlimits, parent->rlimits, sizeof(child->rlimits));
    signal_fork(&child->signals, &parent->signals);
}

/* Takes back a child that has not been linked. */
static void child_discard(struct process *child)
{
    vnode_put(child->cwd);
    vnode_exe_put(child->exe);
    if (child->files)
        fdtable_destroy(child->files);
    if (child->vspace)
        vspace_leave(child->vspace);
    if (child->thread)
        thread_destroy(child->thread);
    process_free(child);
}

/* A child that lacks only its place in the tree. -ENOMEM. */
static int child_create(const struct fork_request *request, struct process **out)
{
    struct process *parent = process_current(), *child = process_alloc();
    int err = -ENOMEM;

    if (!child)
        return err;
    child->thread = thread_create(child_begin, child);
    if (child->thread)
        err = fdtable_fork(parent->files, &child->files);
    if (!err)
        err = copy_vspace(child, parent, request->flags);
    if (err) {
        child_discard(child);
        return err;
    }
    copy_rest(child, parent);
    copy_registers(child, request);
    child->is_vforked = request->flags & CLONE_VFORK;
    child->borrows_vspace = request->flags & CLONE_VM;
    if (parent->borrows_vspace) /* then a copied vspace has the limits of another process */
        process_limit_vspace(child);
    *out = child;
    return 0;
}

/* Links and starts the child: its pid. A signal that was sent to the parent's group before the child became a member
   must not miss it: so none may be pending now, and the signal is taken first. */
static int child_start(struct process *child, int event)
{
    mutex_lock(&process_tree_lock);
    int result = signal_is_pending() ? -EINTR : process_link(child, process_current());
    if (!result) {
        result = child->pid;
        ptrace_inherit(child, event);
        thread_start(child->thread);
    }
    mutex_unlock(&process_tree_lock);
    return result;
}

/* Whether the child has left our vspace, or is gone: the child of who ignores SIGCHLD is init's to bury, at once.
   `seen` is the number of events before the look. */
static bool is_vfork_over(int pid, unsigned *seen)
{
    mutex_lock(&process_tree_lock);
    *seen = atomic_load(&process_current()->news_count);
    const struct process *child = process_find(pid);
    bool over = !child || !child->is_vforked;
    mutex_unlock(&process_tree_lock);
    return over;
}

/* Waits until the child no longer uses the parent's vspace, or this process is to die. Other signals wait: a handler
   would run in memory that the child is using. */
static void wait_for_vfork(int pid)
{
    unsigned seen;

    while (!is_vfork_over(pid, &seen))
        if (news_wait(seen, waitq_sleep_killable) && signal_is_deadly())
            break;
}

/* What a tracer calls it, as on Linux. */
static int fork_event(unsigned flags)
{
    if (flags & CLONE_VFORK)
        return PTRACE_EVENT_VFORK;
    return (flags & CSIGNAL) == SIGCHLD ? PTRACE_EVENT_FORK : PTRACE_EVENT_CLONE;
}

int process_fork(const struct fork_request *request)
{
    int event = fork_event(request->flags);
    struct process *child;
    int err = child_create(request, &child);

    if (err)
        return err;
    int pid = child_start(child, event);
    if (pid < 0) {
        child_discard(child);
        return pid;
    }
    if (request->flags & CLONE_PARENT_SETTID)
        (void)!put_user((int __user *)request->parent_tid, &pid); /* or not, as on Linux */
    ptrace_forked(event, pid);
    if (request->flags & CLONE_VFORK)
        wait_for_vfork(pid);
    return pid;
}

static void init_begin(void *arg)
{
    struct process *process = arg;
    const char *path = process->name;
    const uaddr_t __user *nothing = NULL;

    int err = process_exec(path, nothing, nothing);
    if (err)
        panic("cannot run %s: error %d%s", path, -err,
              err == -ENOENT ? ": is there an initial RAM disk?" : "");
    user_return_first();
}

void process_start_init(const char *path)
{
    struct process *init = process_alloc();

    if (!init || fdtable_create(&init->files))
        panic("no memory for the first process");
    init->thread = thread_create(init_begin, init);
    if (!init->thread)
        panic("no memory for the first thread");
    init->thread->process = init;
    vnode_get(vfs_root);
    init->cwd = vfs_root;
    strlcpy(init->name, path, sizeof(init->name));
    init->signals.spared = true;
    mutex_lock(&process_tree_lock);
    int err = process_link(init, NULL);
    mutex_unlock(&process_tree_lock);
    assert(!err && init->pid == 1);
    thread_start(init->thread);
}
