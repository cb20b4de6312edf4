/* Jobs: the processes that a command line starts.

   A pipeline is a job, and so is a whole a && b that runs in the background. In an interactive
   shell every job is a process group, and the foreground job owns the terminal, so only that job
   receives Ctrl-C and Ctrl-Z. The shell itself ignores the terminal's signals, and has no signal
   handlers. In other shells, jobs have no groups of their own. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct job;

/* Prepares this shell, which has a terminal, for jobs that own the terminal in turn. */
void jobs_begin_interactive(void);

/* Makes a job without processes. `text` describes it to a person. */
struct job *job_create(const char *text, bool is_foreground);

/* Forks the next process of the job. In the child, which returns 0, the group, the terminal, the
   signals and the standard input are set. If the fork fails, the process counts as one that ended
   with status 1, and -1 is returned after a message. */
pid_t job_fork(struct job *job);

/* Adds a process that counts as one that ended with status 1. */
void job_add_failed(struct job *job);

/* Completes a job after its last job_fork. Waits until a foreground job ends or stops, or shows
   that a background job has begun. Returns the status for $?. */
int job_complete(struct job *job);

/* Reports the background jobs that have ended or stopped since the last report, and forgets those
   that have ended. */
void jobs_report(void);

/* Wait for all running background jobs, for one, or for the process `pid` of one. Return its
   status, or 127 if there is no such process. */
int jobs_wait_all(void);
int jobs_wait_job(struct job *job);
int jobs_wait_process(pid_t pid);

/* Prints all background jobs: "[1] Running  text", with the number of the first process in between,
   or only that number. */
enum jobs_format { JOBS_PLAIN, JOBS_WITH_PID, JOBS_PID };
void jobs_show(enum jobs_format format);

/* Returns true if the shell may end. If it would leave stopped jobs, the first call prints a
   warning and returns false. */
bool jobs_may_be_left(void);

/* Finds the background job %N or N. NULL, % and %% mean the job that was stopped last, or else the
   newest. Returns NULL if there is none. */
struct job *job_named(const char *name);

/* Sends a signal to all processes of a job. A stopped job is continued too by SIGTERM and SIGHUP,
   because it could not end otherwise. Returns false, with errno, on failure. */
bool job_signal(struct job *job, int signal);

/* Continue a job, in the foreground or in the background. In the foreground, wait as job_complete
   does. Return the status for $?. */
int job_to_foreground(struct job *job);
int job_to_background(struct job *job);
