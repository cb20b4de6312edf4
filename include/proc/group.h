/* The members of process groups and sessions, zombies included. The tree lock is held. */
#pragma once

#include <lib/base.h>

struct process;

/* Makes a process that is in no group a member of a group and of a session, and sets its numbers. */
void group_join(struct process *process, int pgid, int sid);

/* Takes a process from its group and its session. Its numbers stay. */
void group_leave(struct process *process);

/* Moves a process to another group and session. */
void group_move(struct process *process, int pgid, int sid);

/* Return a member of a group, in the order of their pids; NULL: there is none, or no other. */
struct process *group_first(int pgid);
struct process *group_next(struct process *member);

/* Return a member of a session, in the order of their pids; NULL: there is none, or no other. */
struct process *session_first(int sid);
struct process *session_next(struct process *member);

/* Returns true if the number is that of a group or session with members. */
bool is_group_or_session(int id);

/* Calls `each` for every process of the group that has not exited. Returns the number of members,
   zombies included. */
unsigned process_group_each(int pgid, void (*each)(struct process *process, const void *arg),
                            const void *arg);
