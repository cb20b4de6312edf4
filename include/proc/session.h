/* Process groups and sessions: who belongs together, and which group nobody looks after.

   All functions but the system calls' (process_set..., process_get...) are called with the tree lock
   held. */
#pragma once

#include <lib/base.h>

struct process;

/* Whether the number is that of a group or session with members. */
bool is_group_or_session(int id);

/* Whether the group exists in the session. */
bool group_is_in_session(int pgid, int sid);

/* Whether no member has a parent in another group of the same session, who could continue it. Counts
   neither zombies nor `leaving` (NULL: all others count). */
bool group_is_orphaned(int pgid, const struct process *leaving);

/* `process` has lost the parent that it had, or is about to end (`leaving`): a group that is orphaned
   by that and has stopped members gets SIGHUP and SIGCONT. */
void group_check_orphaned(struct process *process, const struct process *old_parent,
                          const struct process *leaving);

/* Sets the function that takes a session's controlling terminal away when its leader exits. It is
   called with the tree lock held. Once, at boot, before any process runs. */
void session_set_hangup(void (*hangup)(struct process *leader));

/* The process is about to exit: if it leads its session, the session loses its terminal. */
void session_leave(struct process *process);

/* setpgid(2), setsid(2), getpgid(2), getsid(2). Take the tree lock. */
__must_check int process_setpgid(int pid, int pgid);
__must_check int process_setsid(void);
__must_check int process_getpgid(int pid);
__must_check int process_getsid(int pid);
