/* What a job is made of: for jobs.c, which has the list, jobrun.c, which starts processes and waits for them,
   jobterminal.c, and jobreport.c, which shows jobs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum process_state { PROCESS_RUNNING, PROCESS_STOPPED, PROCESS_ENDED };

struct process {
    pid_t pid; /* -1: could not be started */
    enum process_state state;
    int status; /* $? if this was all: of an ended process, or a stopped one */
    int signal; /* that ended or stopped it; 0: none */
};

struct job {
    struct job *next;
    int number;         /* that a person sees; 0: in the foreground, without one */
    pid_t group;        /* process group; 0: none of its own */
    bool is_foreground; /* the shell waits for it */
    bool has_news;      /* a process changed its state since the last report */
    char *text;         /* from malloc */
    size_t nprocesses;
    struct process *processes; /* from malloc, in the order of the pipeline; the last one's status
                                  is the job's */
};

/* The newest job comes last. */
struct job *jobs_first(void);

/* Forgets the list, of which nothing is the shell's own: in a child. */
void jobs_disown(void);

/* Takes a job out of the list; the second, all that have ended. */
void job_forget(struct job *job);
void jobs_forget_ended(void);

void job_add(struct job *job, struct process process);

/* Puts a job into the background, where it has a number. */
void job_number_give(struct job *job);

/* Finds one of the shell's processes, and its job. => NULL if it has none with this pid. */
struct process *process_find(pid_t pid, struct job **found);

/* Takes down what waitpid said of a process. */
void process_change(pid_t pid, int wait_status);

bool job_is_running(const struct job *job);
bool job_is_stopped(const struct job *job);
bool job_has_ended(const struct job *job);
const struct process *job_last_process(const struct job *job);

/* jobreport.c. Says what killed the processes of a job, if it was not Ctrl-C or the end of a pipe. */
void job_show_signals(const struct job *job);

/* Shows a background job that has ended or been stopped since the last time. */
void job_report(struct job *job);

/* jobterminal.c. What happens at the signals of the terminal. */
void terminal_signals_set(void (*action)(int));

/* Makes a process group the one that has the terminal. Not every terminal can: no matter. */
void terminal_give(pid_t group);

/* Takes the terminal back from a job. */
void terminal_take(const struct job *job);

/* Without groups, other means keep a background job from the terminal: no Ctrl-C, no input. */
void terminal_leave(void);
