/* Process groups and sessions: a group is a job of a shell, a session all jobs of a terminal.

   Both are numbers that processes have in common (group.c). A group is orphaned if no member has a
   parent outside the group but in its session, because then no process would continue it after a
   Ctrl-Z.

   Always true: all members of a group are in one session; the leader of a session, whose pid is the
   session's number, never changes its group.

   Lock: the tree lock. */

#include <linux/errno.h>
#include <lib/panic.h>
#include <proc/group.h>
#include <proc/process.h>
#include <proc/session.h>

bool group_is_in_session(int pgid, int sid)
{
    const struct process *member = group_first(pgid);

    return member && member->sid == sid;
}

/* ---- Orphaned groups ---- */

/* Returns true if `parent` can continue the job of `child`. */
static bool looks_after(const struct process *parent, const struct process *child)
{
    return parent && parent->sid == child->sid && parent->pgid != child->pgid;
}

bool group_is_orphaned(int pgid, const struct process *leaving)
{
    for (struct process *p = group_first(pgid); p; p = group_next(p)) {
        bool counts = p != leaving && !p->zombie;

        /* init continues no job, though it may be in the same session. */
        if (counts && p->parent && p->parent->pid != INIT_PID && looks_after(p->parent, p))
            return false;
    }
    return true;
}

/* Returns true if a member of the group is stopped.

   `job` is read without its lock. A member that stops sets it under the tree lock (job_stop_begin in
   deliver.c): before us, or after us, and then it finds its group orphaned, and does not stop. */
static bool group_has_stopped(int pgid)
{
    for (struct process *p = group_first(pgid); p; p = group_next(p))
        if (!p->zombie && p->signals.job == JOB_STOPPED)
            return true;
    return false;
}

void group_check_orphaned(struct process *process, const struct process *old_parent,
                          const struct process *leaving)
{
    int pgid = process->pgid;

    if (!looks_after(old_parent, process) || !group_is_orphaned(pgid, leaving) ||
        !group_has_stopped(pgid))
        return;
    signal_group(pgid, SIGHUP);
    signal_group(pgid, SIGCONT);
}

/* ---- The controlling terminal ---- */

static void (*session_hangup)(struct process *leader); /* constant after boot */

void session_set_hangup(void (*hangup)(struct process *leader))
{
    session_hangup = hangup;
}

void session_leave(struct process *process)
{
    assert(mutex_is_held(&process_tree_lock));
    if (process->sid == process->pid)
        session_hangup(process);
}

/* ---- The system calls ---- */

static int setpgid_locked(struct process *process, int pgid)
{
    struct process *self = process_current();

    if (!process || (process != self && process->parent != self))
        return -ESRCH;
    if (process->sid != self->sid)
        return -EPERM;
    if (process != self && process->has_execed)
        return -EACCES;
    if (process->sid == process->pid)
        return -EPERM;
    if (pgid != process->pid && !group_is_in_session(pgid, self->sid))
        return -EPERM;
    group_move(process, pgid, process->sid);
    return 0;
}

int process_setpgid(int pid, int pgid)
{
    if (!pid)
        pid = process_current()->pid;
    if (!pgid)
        pgid = pid;
    if (pgid < 0)
        return -EINVAL;
    mutex_lock(&process_tree_lock);
    int err = setpgid_locked(process_find(pid), pgid);
    mutex_unlock(&process_tree_lock);
    return err;
}

int process_setsid(void)
{
    struct process *self = process_current();
    int result = -EPERM;

    mutex_lock(&process_tree_lock);
    if (!is_group_or_session(self->pid)) {
        group_move(self, self->pid, self->pid);
        self->has_terminal = false;
        result = self->pid;
    }
    mutex_unlock(&process_tree_lock);
    return result;
}

int process_getpgid(int pid)
{
    mutex_lock(&process_tree_lock);
    struct process *process = pid ? process_find(pid) : process_current();
    int result = process ? process->pgid : -ESRCH;
    mutex_unlock(&process_tree_lock);
    return result;
}

int process_getsid(int pid)
{
    mutex_lock(&process_tree_lock);
    struct process *process = pid ? process_find(pid) : process_current();
    int result = process ? process->sid : -ESRCH;
    mutex_unlock(&process_tree_lock);
    return result;
}
