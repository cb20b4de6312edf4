/* Jobs: the processes that a command line starts.

   A pipeline is a job; so is a whole a && b if it runs in the background. In an interactive shell
   every job is a process group, and the one in the foreground has the terminal: Ctrl-C and Ctrl-Z
   reach it and nobody else. The shell itself ignores the signals of the terminal; it has no signal handlers.
   In other shells jobs have no groups. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct job;

/* Makes this shell, which has a terminal, ready for jobs that get the terminal in turn. */
void jobs_begin_interactive(void);

/* A job without any processes yet. `text` is what to show a person. */
struct job *job_create(const char *text, bool is_foreground);

/* fork, for the next process of the job: 0 in the child, which has the group, the terminal, the
   signals and the standard input that it should. A process that cannot be started counts as one
   that ended with status 1:
   => -1 after a message. */
pid_t job_fork(struct job *job);

/* The same, without trying to start it. */
void job_add_failed(struct job *job);

/* After the last job_fork. In the foreground: waits until the job ends or is stopped. In the
   background: says that it has begun. => the status for $? */
int job_complete(struct job *job);

/* Reports the background jobs that have ended or been stopped since the last time, and forgets the
   ended ones. */
void jobs_report(void);

/* Waits for all background jobs that run, or for the process `pid` of one of them. => the status of
   that; 127 if there is no such process. */
int jobs_wait_all(void);
int jobs_wait_process(pid_t pid);

/* Prints all background jobs. */
void jobs_show(void);

/* Whether the shell may end. Not the first time that it would leave jobs that are stopped: then it says so. */
bool jobs_may_be_left(void);

/* The background job %N, or N; NULL, %%: the last one that was stopped, or else the last. => NULL if
   there is none. */
struct job *job_named(const char *name);
pid_t job_group(const struct job *job);

/* Continues a job in the foreground, and waits for it as job_complete does; or in the background.
   => the status for $? */
int job_to_foreground(struct job *job);
int job_to_background(struct job *job);
