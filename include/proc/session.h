/* Process groups and sessions. The tree lock is held, unless a function takes it. */
#pragma once

#include <lib/base.h>

struct process;

/* Returns true if the group has members in the session. */
bool group_is_in_session(int pgid, int sid);

/* Returns true if the group is orphaned: no member has a parent in another group of the same
   session, which could continue it. Zombies and `leaving` (may be NULL) do not count as members. */
bool group_is_orphaned(int pgid, const struct process *leaving);

/* Sends SIGHUP and SIGCONT to the group of `process` if it has become orphaned and has stopped
   members. `process` has lost its parent `old_parent`, or is about to exit itself (`leaving`). */
void group_check_orphaned(struct process *process, const struct process *old_parent,
                          const struct process *leaving);

/* Sets the function that takes a session's controlling terminal away when its leader exits. It is
   called with the tree lock held. Once, at boot, before any process runs. */
void session_set_hangup(void (*hangup)(struct process *leader));

/* Takes the terminal away from the session that the exiting process leads, if it leads one. */
void session_leave(struct process *process);

/* setpgid(2), setsid(2), getpgid(2), getsid(2). Take the tree lock. */
__must_check int process_setpgid(int pid, int pgid);
__must_check int process_setsid(void);
__must_check int process_getpgid(int pid);
__must_check int process_getsid(int pid);
