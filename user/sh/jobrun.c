/* Starts the processes of jobs, and waits for them in the foreground and in the background. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/message.h"
#include "job.h"
#include "jobs.h"
#include "shell.h"

/* ---- Starting ---- */

/* Moves a process into its job's group. Both the child and the shell do so, because either may run
   first. */
static void process_enter_group(struct job *job, pid_t pid)
{
    if (!shell.is_interactive)
        return;
    if (job->group == 0)
        job->group = pid;
    setpgid(pid, job->group);
    if (job->is_foreground)
        terminal_give(job->group);
}

static void child_begin(struct job *job)
{
    process_enter_group(job, getpid());
    if (shell.is_interactive)
        terminal_signals_set(SIG_DFL);
    else if (!job->is_foreground)
        terminal_leave();
    shell.is_interactive = false;
    jobs_disown(); /* the jobs are the shell's children, not this process's */
}

pid_t job_fork(struct job *job)
{
    pid_t pid = fork();

    if (pid == 0) {
        child_begin(job);
    } else if (pid > 0) {
        process_enter_group(job, pid);
        job_add(job, (struct process){.pid = pid});
    } else {
        complain_errno("fork");
        job_add_failed(job);
    }
    return pid;
}

/* ---- Changes of processes ---- */

/* Waits for a change of one process, unless `options` is WNOHANG, and records it. Returns false if
   there was none. */
static bool change_take(int options)
{
    int status;

    if (shell.is_interactive)
        options |= WUNTRACED | WCONTINUED;
    pid_t pid = waitpid(-1, &status, options);
    if (pid <= 0)
        return false;
    process_change(pid, status);
    return true;
}

void jobs_update(void)
{
    while (change_take(WNOHANG))
        ;
}

void jobs_report(void)
{
    jobs_update();
    for (struct job *job = jobs_first(); job; job = job->next)
        job_report(job);
    jobs_forget_ended();
}

/* ---- The foreground ---- */

/* Waits until no process of a foreground job runs, and takes the terminal back. */
static void foreground_await(const struct job *job)
{
    while (job_is_running(job) && change_take(0))
        ;
    if (shell.is_interactive)
        terminal_take(job);
}

static int foreground_complete(struct job *job)
{
    foreground_await(job);
    int status = job_last_process(job)->status;
    int signal = job_last_process(job)->signal;
    if (shell.is_interactive && (signal == SIGINT || signal == SIGTSTP))
        fputc('\n', stderr); /* after the ^C or ^Z that the terminal shows */
    shell.is_interrupted = shell.is_interactive && signal == SIGINT;
    job_show_signals(job);
    if (job_is_stopped(job))
        job_number_give(job);
    else
        job_forget(job);
    return status;
}

static int background_complete(struct job *job)
{
    pid_t pid = job_last_process(job)->pid;

    job_number_give(job);
    if (pid < 0)
        return 1;
    shell.background = pid;
    if (shell.is_interactive)
        fprintf(stderr, "[%d] %d\n", job->number, pid);
    return 0;
}

int job_complete(struct job *job)
{
    return job->is_foreground ? foreground_complete(job) : background_complete(job);
}

/* ---- The background ---- */

static bool some_background_job_is_running(void)
{
    for (const struct job *job = jobs_first(); job; job = job->next) {
        if (!job->is_foreground && job_is_running(job))
            return true;
    }
    return false;
}

/* Starts a process that a Ctrl-C ends while the shell waits for background jobs. The shell itself
   ignores Ctrl-C. The process owns the terminal and sleeps, and the shell notices its end. */
static struct job *guard_start(void)
{
    struct job *guard = job_create("wait", true);

    if (job_fork(guard) == 0) {
        signal(SIGTSTP, SIG_IGN);
        for (;;)
            sleep(3600);
    }
    return guard;
}

/* Ends the guard. Returns 0, or the status for a Ctrl-C if that has ended it. */
static int guard_end(struct job *guard)
{
    if (!job_is_running(guard))
        return foreground_complete(guard);
    kill(job_last_process(guard)->pid, SIGKILL);
    foreground_await(guard);
    job_forget(guard);
    return 0;
}

/* The object of wait: a process, or a job; all background jobs if both are NULL. */
struct awaited {
    const struct process *process;
    const struct job *job;
};

static bool is_awaited(const struct awaited *awaited)
{
    if (awaited->process)
        return awaited->process->state == PROCESS_RUNNING;
    return awaited->job ? job_is_running(awaited->job) : some_background_job_is_running();
}

/* Waits. Returns 0, or the status for a Ctrl-C. */
static int background_await(const struct awaited *awaited)
{
    if (!is_awaited(awaited))
        return 0;
    struct job *guard = shell.is_interactive ? guard_start() : NULL;
    while (is_awaited(awaited) && !(guard && job_has_ended(guard)) && change_take(0))
        ;
    return guard ? guard_end(guard) : 0;
}

int jobs_wait_all(void)
{
    int status = background_await(&(struct awaited){0});

    if (!shell.is_interactive)
        jobs_forget_ended();
    return status;
}

/* Waits for a process of `job`, or for the job. Returns the status of `process`. */
static int status_await(struct job *job, const struct process *process,
                        const struct awaited *awaited)
{
    int status = background_await(awaited);

    if (status == 0)
        status = process->status;
    if (!shell.is_interactive && job_has_ended(job))
        job_forget(job);
    return status;
}

int jobs_wait_job(struct job *job)
{
    return status_await(job, job_last_process(job), &(struct awaited){.job = job});
}

int jobs_wait_process(pid_t pid)
{
    struct job *job;
    const struct process *process = process_find(pid, &job);

    if (!process)
        return STATUS_NOT_FOUND;
    return status_await(job, process, &(struct awaited){.process = process});
}

/* ---- kill ---- */

/* Sends a signal to the processes of a job that has no group. */
static bool processes_signal(const struct job *job, int signal)
{
    bool is_sent = false;

    errno = ESRCH;
    for (size_t i = 0; i < job->nprocesses; i++) {
        const struct process *process = &job->processes[i];
        if (process->state != PROCESS_ENDED && kill(process->pid, signal) == 0)
            is_sent = true;
    }
    return is_sent;
}

/* Sends a signal to a job. Records that SIGCONT and SIGKILL end its stop. */
static bool group_signal(struct job *job, int signal)
{
    bool is_sent = job->group ? kill(-job->group, signal) == 0 : processes_signal(job, signal);

    bool ends_stop = is_sent && (signal == SIGCONT || signal == SIGKILL);

    for (size_t i = 0; ends_stop && i < job->nprocesses; i++) {
        if (job->processes[i].state == PROCESS_STOPPED)
            job->processes[i].state = PROCESS_RUNNING;
    }
    return is_sent;
}

bool job_signal(struct job *job, int signal)
{
    /* a stopped job ends only when it runs on */
    bool is_ending = signal == SIGTERM || signal == SIGHUP;

    return group_signal(job, signal) &&
           (!is_ending || !job_is_stopped(job) || group_signal(job, SIGCONT));
}

/* ---- fg and bg ---- */

/* Continues the processes of a job. Their next changes are those after that. */
static void job_continue(struct job *job)
{
    job->has_news = false;
    job_signal(job, SIGCONT);
}

int job_to_foreground(struct job *job)
{
    fprintf(stderr, "%s\n", job->text);
    job->is_foreground = true;
    terminal_give(job->group);
    job_continue(job);
    return foreground_complete(job);
}

int job_to_background(struct job *job)
{
    fprintf(stderr, "[%d] %s &\n", job->number, job->text);
    job_continue(job);
    return 0;
}
