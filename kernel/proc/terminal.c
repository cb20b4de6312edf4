/* The console as a controlling terminal.

   One session at a time has it, and one group of the session is in the foreground: that gets the
   signals of the keyboard. The others are in the background: who reads there gets SIGTTIN, who
   changes the terminal's settings (or writes, with TOSTOP) SIGTTOU, which stop the job until
   somebody brings it to the foreground. A job that nobody would bring there gets EIO.

   Lock: the tree lock (t). */

#include <asm/ioctls.h>
#include <linux/errno.h>
#include <dev/tty.h>
#include <proc/process.h>
#include <proc/session.h>
#include <proc/terminal.h>
#include <vm/usercopy.h>
#include "signal_set.h"

static int terminal_sid;  /* (t) the session; 0: none */
static int terminal_pgid; /* (t) the group in the foreground; 0: none */

/* Whether it is the process's controlling terminal. */
static bool is_mine(const struct process *process)
{
    return process->has_terminal && process->sid == terminal_sid;
}

/* ---- Signals of the keyboard, and jobs in the background ---- */

static void signal_foreground(int signo)
{
    mutex_lock(&process_tree_lock);
    if (terminal_pgid)
        signal_group(terminal_pgid, signo);
    mutex_unlock(&process_tree_lock);
}

static bool is_held_off(struct process *self, int signo)
{
    struct signal_state *state = &self->signals;

    spin_lock(&state->lock);
    bool held_off = (state->blocked & BIT(signo)) || signal_is_ignored(state, signo);
    spin_unlock(&state->lock);
    return held_off;
}

/* The tree lock is held. */
static int check_access(struct process *self, int signo)
{
    if (!is_mine(self) || !terminal_pgid || self->pgid == terminal_pgid)
        return 0;
    if (is_held_off(self, signo))
        return signo == SIGTTIN ? -EIO : 0;
    if (group_is_orphaned(self->pgid, NULL))
        return -EIO;
    signal_group(self->pgid, signo);
    return -EINTR;
}

static int terminal_check(int signo)
{
    mutex_lock(&process_tree_lock);
    int err = check_access(process_current(), signo);
    mutex_unlock(&process_tree_lock);
    return err;
}

/* ---- Who has it ---- */

static void take_from_session(int sid)
{
    for (struct process *p = process_find_from(1); p; p = process_find_from(p->pid + 1))
        if (p->sid == sid)
            p->has_terminal = false;
}

/* The terminal is nobody's from now on. */
static void release(void)
{
    int pgid = terminal_pgid;

    take_from_session(terminal_sid);
    terminal_sid = terminal_pgid = 0;
    if (!pgid)
        return;
    signal_group(pgid, SIGHUP);
    signal_group(pgid, SIGCONT);
}

void terminal_leader_exits(struct process *process)
{
    if (process->sid != process->pid || !is_mine(process))
        return;
    release();
    tty_hangup();
}

/* TIOCSCTTY. `steal`: even from another session. */
static int acquire(struct process *self, bool steal)
{
    if (self->sid != self->pid)
        return -EPERM;
    if (is_mine(self))
        return 0;
    if (self->has_terminal)
        return -EPERM;
    if (terminal_sid && !steal)
        return -EPERM;
    take_from_session(terminal_sid);
    terminal_sid = self->sid;
    terminal_pgid = self->pgid;
    self->has_terminal = true;
    return 0;
}

/* TIOCNOTTY. */
static int give_up(struct process *self)
{
    if (!is_mine(self))
        return -ENOTTY;
    if (self->sid == self->pid)
        release();
    self->has_terminal = false;
    return 0;
}

int terminal_foreground(const struct process *process)
{
    return is_mine(process) ? terminal_pgid : -1;
}

static int set_foreground(struct process *self, int pgid)
{
    int err = check_access(self, SIGTTOU);

    if (err)
        return err == -EIO ? -ENOTTY : err; /* POSIX knows no EIO of tcsetpgrp */
    if (!is_mine(self))
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

/* `number` is TIOCSPGRP's argument, or the result of the requests that have one. The tree lock is held. */
static int ioctl_locked(struct process *self, unsigned request, uaddr_t arg, int *number)
{
    switch (request) {
    case TIOCSCTTY:
        return acquire(self, arg == 1);
    case TIOCNOTTY:
        return give_up(self);
    case TIOCSPGRP:
        return set_foreground(self, *number);
    case TIOCGPGRP:
        *number = terminal_pgid;
        return is_mine(self) ? 0 : -ENOTTY;
    case TIOCGSID:
        *number = terminal_sid;
        return is_mine(self) ? 0 : -ENOTTY;
    default:
        return -ENOTTY;
    }
}

/* User memory is touched before and after, without the lock. */
static int terminal_ioctl(unsigned request, uaddr_t arg)
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

static bool terminal_is_mine(void)
{
    mutex_lock(&process_tree_lock);
    bool mine = is_mine(process_current());
    mutex_unlock(&process_tree_lock);
    return mine;
}

static const struct tty_jobs jobs = {
    .signal = signal_foreground,
    .check = terminal_check,
    .is_mine = terminal_is_mine,
    .ioctl = terminal_ioctl,
};

void terminal_init(void)
{
    tty_set_jobs(&jobs);
}
