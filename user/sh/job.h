/* The parts of a job. jobs.c has the list of jobs, jobrun.c starts processes and waits for them,
   jobterminal.c controls the terminal, and jobreport.c shows jobs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum process_state { PROCESS_RUNNING, PROCESS_STOPPED, PROCESS_ENDED };

struct process {
    pid_t pid; /* -1 means that it could not be started */
    enum process_state state;
    int status; /* the value of $? for a process that has ended or stopped */
    int signal; /* the signal that ended or stopped it, or 0 */
};

struct job {
    struct job *next;
    int number;         /* for people; 0 means a job in the foreground that has none yet */
    pid_t group;        /* process group; 0 means none of its own */
    bool is_foreground; /* the shell waits for it */
    bool has_news;      /* a process has changed its state since the last report */
    char *text;         /* from malloc */
    size_t nprocesses;
    /* from malloc, in the order of the pipeline; the job's status is that of the last */
    struct process *processes;
};

/* Returns the oldest job; the newest comes last. */
struct job *jobs_first(void);

/* Begins a new list in a child, which has none of the shell's processes as children. The shell's
   list can still be looked at: jobs_for_people returns it until the child has jobs of its own. */
void jobs_disown(void);
struct job *jobs_for_people(void);

/* Records all changes of processes that have happened. */
void jobs_update(void);

/* Remove a job from the list, or all jobs that have ended. */
void job_forget(struct job *job);
void jobs_forget_ended(void);

void job_add(struct job *job, struct process process);

/* Moves a job to the background, and numbers it. */
void job_number_give(struct job *job);

/* Finds a process of the shell, and its job. Returns NULL if there is none with this pid. */
struct process *process_find(pid_t pid, struct job **found);

/* Records the state that waitpid reported of a process. */
void process_change(pid_t pid, int wait_status);

bool job_is_running(const struct job *job);
bool job_is_stopped(const struct job *job);
bool job_has_ended(const struct job *job);
const struct process *job_last_process(const struct job *job);

/* jobreport.c. Names the signals that killed a job's processes, except those of Ctrl-C and closed
   pipes. */
void job_show_signals(const struct job *job);

/* Shows a background job that has ended or stopped since its last report. */
void job_report(struct job *job);

/* jobterminal.c. Sets the action for the terminal's signals. */
void terminal_signals_set(void (*action)(int));

/* Makes a process group the foreground group of the terminal, if the terminal supports groups. */
void terminal_give(pid_t group);

/* Takes the terminal back from a job. */
void terminal_take(const struct job *job);

/* Undoes O_NONBLOCK, which a job may leave on the terminal. The shell would take the failure of its
   next read for the end of its input. */
void terminal_block(void);

/* Keeps a background job without a group of its own from the terminal: it ignores Ctrl-C, and its
   input is empty. */
void terminal_leave(void);
