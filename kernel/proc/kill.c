/* Sending signals to processes by number: to one, to a group, to all.

   Zombies receive nothing, but they count: kill of a zombie succeeds.

   Lock: the tree lock, so that the receivers do not exit and no member is added to the group. */

#include <linux/errno.h>
#include <lib/panic.h>
#include <proc/group.h>
#include <proc/process.h>
#include "signal_set.h"

/* Sends a signal that is sent to several processes, such as a group. A task that forks meanwhile
   passes it on to its child (signal_fork_end). The list is as long as the process has tasks. */
static void send_as_member(struct process *process, const struct signal_info *info)
{
    uint64_t bit = BIT(info->signo);
    uint64_t undone = info->signo == SIGCONT ? DEFAULT_STOP : bit & DEFAULT_STOP ? BIT(SIGCONT) : 0;
    struct task *task;

    assert(mutex_is_held(&process_tree_lock));
    /* First, so that a receiver that blocks the signal in between keeps the mark: it is pending. */
    signal_send(process, info);
    spin_lock(&process->signals.lock);
    TAILQ_FOREACH (task, &process->tasks, link)
        task->signals.sent_to_all = (task->signals.sent_to_all & ~undone) | bit;
    spin_unlock(&process->signals.lock);
}

/* Sends the signal that `info` points to; signal 0 is none. */
static void send_to_member(struct process *process, const void *info)
{
    if (((const struct signal_info *)info)->signo)
        send_as_member(process, info);
}

/* Sends to all but init and the caller. Returns the number of receivers. The tree lock is held. */
static unsigned send_all(const struct signal_info *info)
{
    unsigned count = 0;

    for (struct process *p = process_find_from(INIT_PID + 1); p;
         p = process_find_from(p->pid + 1)) {
        if (p->zombie || p == process_current())
            continue;
        send_to_member(p, info);
        count++;
    }
    return count;
}

/* Returns the process that has a task with this number, as Linux's kill finds it, or NULL. */
static struct process *find_by_any_task(int tid)
{
    struct process *process = process_find(tid);
    const struct task *task = process ? NULL : task_find(tid);

    return task ? task->process : process;
}

/* Sends to the process that has this number. The tree lock is held. -ESRCH, -EAGAIN. */
static int send_to_one(int pid, const struct signal_info *info)
{
    struct process *process = find_by_any_task(pid);

    if (!process)
        return -ESRCH;
    return process->zombie || !info->signo ? 0 : signal_send(process, info);
}

/* Sends to the processes that `pid` means in kill(2). The tree lock is held. -ESRCH, -EAGAIN. */
static int send_to(int pid, const struct signal_info *info)
{
    if (pid > 0)
        return send_to_one(pid, info);
    unsigned count =
        pid == -1 ? send_all(info)
                  : process_group_each(pid ? -pid : process_current()->pgid, send_to_member, info);
    return count ? 0 : -ESRCH;
}

static int kill_by_pid(int pid, const struct signal_info *info)
{
    if (info->signo != 0 && !is_signal(info->signo))
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    mutex_lock(&process_tree_lock);
    int err = send_to(pid, info);
    mutex_unlock(&process_tree_lock);
    return err;
}

int signal_kill(int pid, int signo, int code)
{
    return kill_by_pid(
        pid, &(struct signal_info){.signo = signo, .code = code, .pid = process_current()->pid});
}

/* Returns true if a program may not choose this code for a signal to another process. */
static bool is_forged(const struct signal_info *info)
{
    return info->code >= 0 || info->code == SI_TKILL;
}

int signal_kill_task(int tgid, int tid, const struct signal_info *info)
{
    if (info->signo != 0 && !is_signal(info->signo))
        return -EINVAL;
    mutex_lock(&process_tree_lock);
    struct task *task = task_find(tid);
    const struct process *process = task ? task->process : process_find(tid);
    int err = process && (!tgid || process->pid == tgid) ? 0 : -ESRCH;
    if (!err && task && info->signo) /* a first task that has left counts, but takes none */
        err = signal_send_task(task, info);
    mutex_unlock(&process_tree_lock);
    return err;
}

int signal_queue_task(int tgid, int tid, const struct signal_info *info)
{
    if (is_forged(info) && tgid != process_current()->pid)
        return -EPERM;
    return signal_kill_task(tgid, tid, info);
}

int signal_queue_info(int pid, const struct signal_info *info)
{
    if (is_forged(info) && pid != process_current()->pid)
        return -EPERM;
    return pid > 0 ? kill_by_pid(pid, info) : -ESRCH;
}

void signal_group(int pgid, int signo)
{
    const struct signal_info info = {.signo = signo, .code = SI_KERNEL};

    assert(mutex_is_held(&process_tree_lock));
    process_group_each(pgid, send_to_member, &info);
}
