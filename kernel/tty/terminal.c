/* Job control: which session the terminal controls, and which of its groups is in the foreground.

   One session at a time has the terminal. Signals of the keyboard go to its foreground group; all
   other groups are in the background. A background process that reads gets SIGTTIN, and one that
   changes settings (or writes, with TOSTOP) gets SIGTTOU: they stop the job until the shell brings
   it to the foreground. An orphaned group, which no shell would continue, gets EIO instead.

   Lock: the tree lock (t). */

#include <asm/ioctls.h>
#include <linux/errno.h>
#include <lib/panic.h>
#include <proc/group.h>
#include <proc/process.h>
#include <proc/session.h>
#include <proc/signal.h>
#include <tty/line.h>
#include <tty/terminal.h>
#include <vm/usercopy.h>

static int terminal_sid;  /* (t) the session; 0: none */
static int terminal_pgid; /* (t) the group in the foreground; 0: none */

/* Returns true if the terminal is the process's controlling terminal. */
static bool has_terminal(const struct process *process)
{
    assert(mutex_is_held(&process_tree_lock));
    return process->has_terminal && process->sid == terminal_sid;
}

/* ---- The foreground and the background ---- */

void terminal_signal(int signo)
{
    mutex_lock(&process_tree_lock);
    if (terminal_pgid)
        signal_group(terminal_pgid, signo);
    mutex_unlock(&process_tree_lock);
}

/* terminal_check, with the tree lock held. */
static int check_foreground(struct process *self, int signo)
{
    if (!has_terminal(self) || !terminal_pgid || self->pgid == terminal_pgid)
        return 0;
    if (signal_is_held_off(signo))
        return signo == SIGTTIN ? -EIO : 0;
    if (group_is_orphaned(self->pgid, NULL))
        return -EIO;
    signal_group(self->pgid, signo);
    return -EINTR;
}

int terminal_check(int signo)
{
    mutex_lock(&process_tree_lock);
    int err = check_foreground(process_current(), signo);
    mutex_unlock(&process_tree_lock);
    return err;
}

/* ---- The controlling session ---- */

static void take_from_session(int sid)
{
    for (struct process *p = session_first(sid); p; p = session_next(p))
        p->has_terminal = false;
}

/* Takes the terminal from its session, and tells the foreground group. */
static void terminal_release(void)
{
    int pgid = terminal_pgid;

    take_from_session(terminal_sid);
    terminal_sid = terminal_pgid = 0;
    if (!pgid)
        return;
    signal_group(pgid, SIGHUP);
    signal_group(pgid, SIGCONT);
}

/* A session's leader exits: see session_set_hangup. */
static void leader_exits(struct process *leader)
{
    if (!has_terminal(leader))
        return;
    terminal_release();
    line_hangup();
}

/* TIOCSCTTY, whose argument `steal` is 1 if the terminal may be taken from another session. */
static int terminal_acquire(struct process *self, uaddr_t steal)
{
    if (self->sid != self->pid)
        return -EPERM;
    if (has_terminal(self))
        return 0;
    if (self->has_terminal)
        return -EPERM;
    if (terminal_sid && steal != 1)
        return -EPERM;
    take_from_session(terminal_sid);
    terminal_sid = self->sid;
    terminal_pgid = self->pgid;
    self->has_terminal = true;
    return 0;
}

/* TIOCNOTTY. */
static int terminal_give_up(struct process *self)
{
    if (!has_terminal(self))
        return -ENOTTY;
    if (self->sid == self->pid)
        terminal_release();
    self->has_terminal = false;
    return 0;
}

int terminal_foreground(const struct process *process)
{
    return has_terminal(process) ? terminal_pgid : -1;
}

static int set_foreground(struct process *self, int pgid)
{
    int err = check_foreground(self, SIGTTOU);

    if (err)
        return err == -EIO ? -ENOTTY : err; /* POSIX has no EIO for tcsetpgrp */
    if (!has_terminal(self))
        return -ENOTTY;
    if (pgid < 0)
        return -EINVAL;
    if (!is_group_or_session(pgid))
        return -ESRCH;
    if (!group_is_in_session(pgid, self->sid))
        return -EPERM;
    terminal_pgid = pgid;
    return 0;
}

/* `number` is the argument of TIOCSPGRP, or the result of TIOCGPGRP and TIOCGSID. The tree lock is
   held. */
static int ioctl_locked(struct process *self, unsigned request, uaddr_t arg, int *number)
{
    switch (request) {
    case TIOCSCTTY:
        return terminal_acquire(self, arg);
    case TIOCNOTTY:
        return terminal_give_up(self);
    case TIOCSPGRP:
        return set_foreground(self, *number);
    case TIOCGPGRP:
        *number = terminal_pgid;
        return has_terminal(self) ? 0 : -ENOTTY;
    case TIOCGSID:
        *number = terminal_sid;
        return has_terminal(self) ? 0 : -ENOTTY;
    default:
        return -ENOTTY;
    }
}

/* User memory is accessed before and after ioctl_locked, because a fault must not hold the lock. */
int terminal_ioctl(unsigned request, uaddr_t arg)
{
    bool has_result = request == TIOCGPGRP || request == TIOCGSID;
    int number = 0;

    if (request == TIOCSPGRP && get_user(&number, (const int __user *)arg))
        return -EFAULT;
    mutex_lock(&process_tree_lock);
    int err = ioctl_locked(process_current(), request, arg, &number);
    mutex_unlock(&process_tree_lock);
    return !err && has_result ? put_user((int __user *)arg, &number) : err;
}

bool terminal_is_mine(void)
{
    mutex_lock(&process_tree_lock);
    bool mine = has_terminal(process_current());
    mutex_unlock(&process_tree_lock);
    return mine;
}

void terminal_init(void)
{
    session_set_hangup(leader_exits);
}
