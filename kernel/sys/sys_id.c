/* The identity of a process: its id, parent, group and session. For users see sys_user.c. */

#include <proc/process.h>
#include <proc/session.h>
#include <sys/syscall.h>

SYSCALL0(sys_getpid)
{
    return process_current()->pid;
}

SYSCALL0(sys_gettid)
{
    return task_current()->tid;
}

SYSCALL0(sys_getppid)
{
    mutex_lock(&process_tree_lock);
    const struct process *parent = process_current()->parent;
    int pid = parent ? parent->pid : 0;
    mutex_unlock(&process_tree_lock);
    return pid;
}

SYSCALL2(sys_setpgid, int, pid, int, pgid)
{
    return process_setpgid(pid, pgid);
}

SYSCALL1(sys_getpgid, int, pid)
{
    return process_getpgid(pid);
}

SYSCALL0(sys_getpgrp)
{
    return process_getpgid(0);
}

SYSCALL0(sys_setsid)
{
    return process_setsid();
}

SYSCALL1(sys_getsid, int, pid)
{
    return process_getsid(pid);
}
