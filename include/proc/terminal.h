/* Whose terminal the console is: the session that it controls, and the group in the foreground. */
#pragma once

#include <lib/base.h>

/* Puts itself between the terminal (dev/tty.h) and the processes. Once, at boot. */
void terminal_init(void);

/* The session's leader ends: its terminal is nobody's, its foreground group hears of it (SIGHUP,
   SIGCONT), and what the session had opened as /dev/tty is hung up. No-op for others. The tree lock is held. */
struct process;
void terminal_leader_exits(struct process *process);

/* The group in the foreground of the process's terminal; -1: it has none. The tree lock is held. */
int terminal_foreground(const struct process *process);
