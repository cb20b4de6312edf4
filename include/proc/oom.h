/* The end of memory: who may use the last frames, and which process is killed so that others get
   some (kernel/proc/oom.c). */
#pragma once

#include <lib/base.h>

/* The frames of the reserve that a child of a vital process may take, besides those that its parent
   takes to fork it: enough for a small program. A frame that it has freed counts, too. */
#define OOM_CHILD_RESERVE 128

/* The range of /proc/PID/oom_score_adj. A process with the lowest value counts as vital. */
#define OOM_SCORE_ADJ_MIN (-1000)
#define OOM_SCORE_ADJ_MAX 1000

/* Starts the thread that chooses, and sets up the reserve. Called once, at boot. */
void oom_init(void);

/* The free frames that a fault waits for: more than it needs. */
#define OOM_ROOM 8u

/* Sleeps until some process has given memory back, for a task that needs a frame; another process
   is killed if need be. Returns 0 if the caller is to try again. -EINTR: a signal is to be taken
   first. -ENOMEM: there is no other process to kill, or the one that was chosen does not end. */
__must_check int oom_wait(void);                 /* the caller holds no lock */
__must_check int oom_wait_for(uint32_t nframes); /* the same; until `nframes` are free */
__must_check int
oom_wait_holding(void); /* locks below RANK_VSPACE; only SIGKILL is a signal then */

/* Around the time in which a process that ends gives its memory back. Begin: the tree lock is held,
   and the process has no vspace any more. */
void oom_return_begins(void);
void oom_return_ends(void);
