/* Job control: which session the terminal controls, and which of its groups is in the foreground.
   */
#pragma once

#include <lib/base.h>

struct process;

/* Registers the hang-up: when a session's leader exits, the foreground group gets SIGHUP and
   SIGCONT, and reads of open /dev/tty files return 0. Called once, at boot, before any process
   runs. */
void terminal_init(void);

/* Sends a signal to the foreground group, if there is one. Takes the tree lock. */
void terminal_signal(int signo);

/* Checks that the current process may read (SIGTTIN), or write and change settings (SIGTTOU).
   From the background, sends the signal to its group and returns -EINTR. Returns -EIO if no
   process would continue the group. Takes the tree lock. */
__must_check int terminal_check(int signo);

/* Returns true if the current process has the terminal as its controlling terminal. Takes the tree
   lock. */
bool terminal_is_mine(void);

/* The ioctls that are about processes. Returns -ENOTTY for all others. Takes the tree lock. */
__must_check int terminal_ioctl(unsigned request, uaddr_t arg);

/* Returns the foreground group of the process's controlling terminal; -1: it has none. The tree
   lock is held. */
int terminal_foreground(const struct process *process);
