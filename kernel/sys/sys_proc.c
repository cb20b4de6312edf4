/* Processes: fork and its relatives, exec, exit, wait. */

#include <asm/prctl.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <proc/news.h>
#include <proc/process.h>
#include <proc/wait.h>
#include <sched/run.h>
#include <sys/convert.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

SYSCALL0(sys_fork)
{
    const struct fork_request request = {.flags = SIGCHLD};

    return process_fork(&request);
}

SYSCALL0(sys_vfork)
{
    const struct fork_request request = {.flags = CLONE_VM | CLONE_VFORK | SIGCHLD};

    return process_fork(&request);
}

/* The flags that Pagoda knows: all but those of namespaces, cgroups, pidfds and I/O contexts. */
#define CLONE_KNOWN                                                                             \
    (CSIGNAL | CLONE_VM | CLONE_VFORK | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | \
     CLONE_PARENT | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID |  \
     CLONE_PARENT_SETTID | CLONE_DETACHED | CLONE_CLEAR_SIGHAND)

/* Returns true if the flags agree: tasks of a process share its actions, and who shares actions
   shares the memory that the handlers are in. Only a parent waits in vfork for its child. */
static bool are_clone_flags(uint64_t flags)
{
    if (flags & ~(uint64_t)CLONE_KNOWN)
        return false;
    if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
        return false;
    if ((flags & CLONE_SIGHAND) && (!(flags & CLONE_VM) || (flags & CLONE_CLEAR_SIGHAND)))
        return false;
    if ((flags & CLONE_PARENT) && process_current()->pid == INIT_PID)
        return false; /* init has no parent */
    return !(flags & CLONE_VFORK) || !(flags & (CLONE_THREAD | CLONE_PARENT));
}

/* Makes a task or a process, as the flags say. */
static long clone_task_or_process(const struct fork_request *request)
{
    if (!are_clone_flags(request->flags))
        return -EINVAL;
    if ((request->flags & CLONE_SETTLS) && request->tls >= USER_END)
        return -EPERM;
    return request->flags & CLONE_THREAD ? task_clone(request) : process_fork(request);
}

SYSCALL5(sys_clone, uint64_t, flags, uaddr_t, stack, uaddr_t, parent_tid, uaddr_t, child_tid,
         uint64_t, tls)
{
    const struct fork_request request = {
        .flags = (uint32_t)flags, /* as on Linux, newer flags are those of clone3 alone */
        .stack = stack,
        .tls = tls,
        .child_tid = child_tid,
        .parent_tid = parent_tid,
    };

    return clone_task_or_process(&request);
}

/* Fetches the arguments of clone3(2), of `size` bytes. A newer program may have more fields than
   Pagoda knows, if these are 0. -EINVAL, -E2BIG, -EFAULT. */
static int clone_args_get(struct clone_args *args, const struct clone_args __user *from,
                          size_t size)
{
    char more;

    if (size < CLONE_ARGS_SIZE_VER0)
        return -EINVAL;
    if (size > PAGE_SIZE)
        return -E2BIG;
    *args = (struct clone_args){0};
    if (copy_from_user(args, from, min(size, sizeof(*args))))
        return -EFAULT;
    for (size_t n = sizeof(*args); n < size; n++) {
        if (get_user(&more, (const char __user *)from + n))
            return -EFAULT;
        if (more)
            return -E2BIG;
    }
    return 0;
}

/* Returns true if the fields agree with each other, and ask for nothing that Pagoda lacks: chosen
   numbers and cgroups. */
static bool are_clone_args(const struct clone_args *args)
{
    bool is_task = args->flags & CLONE_THREAD;

    if ((args->flags & (CSIGNAL | CLONE_DETACHED)) || args->set_tid || args->set_tid_size)
        return false;
    bool has_no_signal = is_task || (args->flags & CLONE_PARENT);

    if (args->exit_signal > SIGNALS || (has_no_signal && args->exit_signal))
        return false;
    if (!args->stack != !args->stack_size)
        return false;
    return args->stack < USER_END && args->stack_size <= USER_END - args->stack;
}

SYSCALL2(sys_clone3, const struct clone_args __user *, from, size_t, size)
{
    struct clone_args args;
    int err = clone_args_get(&args, from, size);

    if (err)
        return err;
    if (!are_clone_args(&args))
        return -EINVAL;
    const struct fork_request request = {
        .flags = args.flags | args.exit_signal,
        .stack = args.stack + args.stack_size,
        .tls = args.tls,
        .child_tid = args.child_tid,
        .parent_tid = args.parent_tid,
    };
    return clone_task_or_process(&request);
}

static const char *last_component(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static bool is_close_on_exec(int fd)
{
    return fdtable_get_flags(task_current()->files, fd) > 0;
}

#define FD_PATH_MAX (PATH_MAX + 24) /* "/dev/fd/", a number, a slash, and a path */

/* Sets the path and the name of a file that was found from a descriptor. As on Linux, the file of
   the descriptor itself gives the process its own name, and other files that of their path. */
static int name_from_fd(struct exec_request *request, int fd, const char *path, char *buf)
{
    request->is_hidden = is_close_on_exec(fd);
    request->path = request->name = buf;
    if (*path) {
        snprintf(buf, FD_PATH_MAX, "/dev/fd/%d/%s", fd, path);
        request->name = last_component(buf);
        return 0;
    }
    size_t len = snprintf(buf, FD_PATH_MAX, "/dev/fd/%d", fd) + 1;
    request->name = buf + len;
    return vnode_name(request->file, buf + len, FD_PATH_MAX - len);
}

/* Runs the file that was found from a path which begins at a descriptor. */
static int exec_from_fd(struct exec_request *request, int fd, const char *path)
{
    char *buf = heap_alloc(FD_PATH_MAX);
    int err = buf ? name_from_fd(request, fd, path, buf) : -ENOMEM;

    if (!err)
        err = process_exec(request);
    heap_free(buf);
    return err;
}

static int exec_arg(const struct path_arg *arg, int dirfd, unsigned flags,
                    struct exec_request *request)
{
    int err = vnode_from_arg(arg, flags, &request->file);

    if (err)
        return err;
    if (dirfd == AT_FDCWD || arg->path[0] == '/') {
        request->path = arg->path;
        request->name = last_component(arg->path);
        err = process_exec(request);
    } else {
        err = exec_from_fd(request, dirfd, arg->path);
    }
    vnode_put(request->file);
    return err;
}

static long exec_path(int dirfd, const char __user *path, const uaddr_t __user *argv,
                      const uaddr_t __user *envp, unsigned flags)
{
    struct exec_request request = {.argv = argv, .envp = envp};
    struct path_arg arg;

    if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
        return -EINVAL;
    int err = path_arg_get(&arg, dirfd, path);
    if (err)
        return err;
    err = exec_arg(&arg, dirfd, flags, &request);
    path_arg_put(&arg);
    return err;
}

SYSCALL3(sys_execve, const char __user *, path, const uaddr_t __user *, argv,
         const uaddr_t __user *, envp)
{
    return exec_path(AT_FDCWD, path, argv, envp, 0);
}

SYSCALL5(sys_execveat, int, dirfd, const char __user *, path, const uaddr_t __user *, argv,
         const uaddr_t __user *, envp, unsigned, flags)
{
    return exec_path(dirfd, path, argv, envp, flags);
}

SYSCALL1(sys_exit, int, code)
{
    task_exit((code & 0xff) << 8);
}

SYSCALL1(sys_exit_group, int, code)
{
    process_exit((code & 0xff) << 8);
}

/* Returns the request for the children that wait4's first argument selects. */
static struct wait_request request_from_pid(int pid)
{
    if (pid == -1)
        return (struct wait_request){.which = P_ALL};
    if (pid > 0)
        return (struct wait_request){.which = P_PID, .id = pid};
    return (struct wait_request){.which = P_PGID, .id = -pid};
}

static int copy_rusage(const struct process_usage *usage, struct rusage __user *to)
{
    const struct rusage rusage = rusage_from(usage);

    return to ? put_user(to, &rusage) : 0;
}

/* Options that choose among the children. */
#define WAIT_KINDS (__WNOTHREAD | __WCLONE | __WALL)

SYSCALL4(sys_wait4, int, pid, int __user *, status, int, options, struct rusage __user *, rusage)
{
    struct wait_result child;

    if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | WAIT_KINDS))
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    struct wait_request request = request_from_pid(pid);
    request.options = options | WEXITED;
    int result = process_wait(&request, &child);
    if (result <= 0)
        return result;
    if ((status && put_user(status, &child.status)) || copy_rusage(&child.usage, rusage))
        return -EFAULT;
    return child.pid;
}

static bool is_wait_request(const struct wait_request *request)
{
    const int events = WEXITED | WSTOPPED | WCONTINUED;

    if ((request->options & ~(events | WNOHANG | WNOWAIT | WAIT_KINDS)) ||
        !(request->options & events))
        return false;
    switch (request->which) {
    case P_ALL:
        return true;
    case P_PID:
        return request->id > 0;
    case P_PGID:
        return request->id >= 0;
    default: /* P_PIDFD is not supported */
        return false;
    }
}

static struct signal_info child_news(const struct wait_result *child)
{
    struct signal_info news = news_child_info(child->pid, child->status);

    if (child->is_trap)
        news.code = CLD_TRAPPED;
    return news;
}

/* Returns 0, with or without a matching child. Without one, or after an error, `info` is zeroed. */
SYSCALL5(sys_waitid, int, which, int, id, siginfo_t __user *, info, int, options,
         struct rusage __user *, rusage)
{
    const struct wait_request request = {.which = which, .id = id, .options = options};
    struct wait_result child;
    struct signal_info news = {0};
    siginfo_t out;
    int result = is_wait_request(&request) ? process_wait(&request, &child) : -EINVAL;

    if (result > 0) {
        if (copy_rusage(&child.usage, rusage))
            return -EFAULT;
        news = child_news(&child);
    }
    signal_to_siginfo(&news, &out);
    if (info && put_user(info, &out))
        return -EFAULT;
    return min(result, 0);
}

#define UNSHARE_KNOWN \
    (CLONE_FILES | CLONE_FS | CLONE_SYSVSEM | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)

/* A task that is alone in its process, and whose process shares neither memory nor actions, shares
   nothing of the last three already. They cannot be ended for others. */
SYSCALL1(sys_unshare, uint64_t, flags)
{
    const uint64_t of_process = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;

    if ((flags & ~(uint64_t)UNSHARE_KNOWN) || ((flags & of_process) && !process_is_alone()))
        return -EINVAL;
    return task_unshare(flags);
}

SYSCALL1(sys_set_tid_address, uaddr_t, word)
{
    task_current()->clear_tid = word;
    return task_current()->tid;
}

SYSCALL2(sys_arch_prctl, int, code, uint64_t, addr)
{
    struct context *context = &thread_current()->context;

    switch (code) {
    case ARCH_SET_FS:
        return context_set_fs(context, addr);
    case ARCH_GET_FS:
        return put_user((uint64_t __user *)addr, &context->fs_base);
    default:
        return -EINVAL;
    }
}
