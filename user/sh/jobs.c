/* Jobs: the list of them, and the processes in it. */
#include "jobs.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "../lib/memory.h"
#include "../lib/message.h"
#include "../lib/number.h"
#include "job.h"
#include "shell.h"

static struct job *jobs; /* all that have not ended, or whose end was not reported or waited for */

static const int terminal_signals[] = {SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};

enum { NTERMINAL_SIGNALS = sizeof(terminal_signals) / sizeof(terminal_signals[0]) };

static void terminal_signals_set(void (*action)(int))
{
    for (int i = 0; i < NTERMINAL_SIGNALS; i++)
        signal(terminal_signals[i], action);
}

/* The settings of the terminal that the shell goes on with when a job has broken them. */
static struct termios terminal_modes;

/* Makes a process group the one that has the terminal. Not every terminal can: no matter. */
static void terminal_give(pid_t group)
{
    tcsetpgrp(STDIN_FILENO, group);
}

void jobs_begin_interactive(void)
{
    terminal_signals_set(SIG_IGN);
    setpgid(0, 0);
    terminal_give(getpgrp());
    tcgetattr(STDIN_FILENO, &terminal_modes);
}

/* Takes the terminal back from a job. What one that ended by itself has set, it was meant to set. */
static void terminal_take(const struct job *job)
{
    terminal_give(getpgrp());
    if (job_last_process(job)->signal)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal_modes);
    else
        tcgetattr(STDIN_FILENO, &terminal_modes);
}

struct job *jobs_first(void)
{
    return jobs;
}

/* Where the list points to `job`; NULL: where it ends. */
static struct job **job_link(const struct job *job)
{
    struct job **link = &jobs;

    while (*link != job)
        link = &(*link)->next;
    return link;
}

struct job *job_create(const char *text, bool is_foreground)
{
    struct job *job = must_alloc(sizeof(*job));

    *job = (struct job){.is_foreground = is_foreground, .text = must_copy(text)};
    *job_link(NULL) = job;
    return job;
}

static void job_forget(struct job *job)
{
    *job_link(job) = job->next;
    free(job->text);
    free(job->processes);
    free(job);
}

static void job_add(struct job *job, struct process process)
{
    size_t size = (job->nprocesses + 1) * sizeof(process);

    job->processes = must_resize(job->processes, size);
    job->processes[job->nprocesses++] = process;
}

void job_add_failed(struct job *job)
{
    job_add(job, (struct process){.pid = -1, .state = PROCESS_ENDED, .status = 1});
}

/* Puts a process where its job has to be: the child itself and the shell do, whichever is first. */
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

/* Without groups, other means keep a background job from the terminal: no Ctrl-C, no input. */
static void terminal_leave(void)
{
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    close(STDIN_FILENO);
    open("/dev/null", O_RDONLY); /* takes the lowest number, which is the standard input's */
}

static void child_begin(struct job *job)
{
    process_enter_group(job, getpid());
    if (shell.is_interactive)
        terminal_signals_set(SIG_DFL);
    else if (!job->is_foreground)
        terminal_leave();
    shell.is_interactive = false;
    jobs = NULL; /* none of them are this process's children */
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

static bool job_has(const struct job *job, enum process_state state)
{
    for (size_t i = 0; i < job->nprocesses; i++) {
        if (job->processes[i].state == state)
            return true;
    }
    return false;
}

bool job_is_running(const struct job *job)
{
    return job_has(job, PROCESS_RUNNING);
}

bool job_is_stopped(const struct job *job)
{
    return !job_is_running(job) && job_has(job, PROCESS_STOPPED);
}

bool job_has_ended(const struct job *job)
{
    return !job_is_running(job) && !job_is_stopped(job);
}

const struct process *job_last_process(const struct job *job)
{
    return &job->processes[job->nprocesses - 1];
}

/* Finds one of the shell's processes, and its job. => NULL if it has none with this pid. */
static struct process *process_find(pid_t pid, struct job **found)
{
    for (struct job *job = jobs; job; job = job->next) {
        for (size_t i = 0; i < job->nprocesses; i++) {
            if (job->processes[i].pid == pid) {
                *found = job;
                return &job->processes[i];
            }
        }
    }
    return NULL;
}

/* Takes down what waitpid said of a process. */
static void process_change(pid_t pid, int wait_status)
{
    struct job *job;
    struct process *process = process_find(pid, &job);

    if (!process)
        return;
    process->state = WIFSTOPPED(wait_status) ? PROCESS_STOPPED : PROCESS_ENDED;
    process->signal = 0;
    if (WIFSTOPPED(wait_status))
        process->signal = WSTOPSIG(wait_status);
    else if (WIFSIGNALED(wait_status))
        process->signal = WTERMSIG(wait_status);
    process->status =
        process->signal ? STATUS_SIGNAL_BASE + process->signal : WEXITSTATUS(wait_status);
    job->has_news = true;
}

/* Takes one change of one process: waits for it, unless `options` is WNOHANG. => false if none. */
static bool change_take(int options)
{
    int status;

    if (shell.is_interactive)
        options |= WUNTRACED;
    pid_t pid = waitpid(-1, &status, options);
    if (pid <= 0)
        return false;
    process_change(pid, status);
    return true;
}

static void job_number_give(struct job *job)
{
    int highest = 0;

    job->is_foreground = false;
    if (job->number > 0) /* it was in the background before */
        return;
    for (const struct job *other = jobs; other; other = other->next)
        highest = other->number > highest ? other->number : highest;
    job->number = highest + 1;
}

/* Waits until nothing of a job in the foreground runs, and takes the terminal back. */
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
        fputc('\n', stderr); /* behind the ^C or ^Z that the terminal shows */
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

static void jobs_forget_ended(void)
{
    struct job *next;

    for (struct job *job = jobs; job; job = next) {
        next = job->next;
        if (job_has_ended(job))
            job_forget(job);
    }
}

void jobs_report(void)
{
    while (change_take(WNOHANG))
        ;
    for (struct job *job = jobs; job; job = job->next)
        job_report(job);
    jobs_forget_ended();
}

static bool some_background_job_is_running(void)
{
    for (const struct job *job = jobs; job; job = job->next) {
        if (!job->is_foreground && job_is_running(job))
            return true;
    }
    return false;
}

/* While the shell waits for background jobs, nobody would hear a Ctrl-C: the shell ignores it. So
   it starts a process that has the terminal, does nothing, and is ended by a Ctrl-C, which the
   shell then sees. */
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

/* => 0, or, if a Ctrl-C has ended it, the status for that. */
static int guard_end(struct job *guard)
{
    if (!job_is_running(guard))
        return foreground_complete(guard);
    kill(job_last_process(guard)->pid, SIGKILL);
    foreground_await(guard);
    job_forget(guard);
    return 0;
}

static bool is_waited_for(const struct process *process)
{
    return process ? process->state == PROCESS_RUNNING : some_background_job_is_running();
}

/* Waits for a process, NULL: all background jobs. => 0, or the status for a Ctrl-C. */
static int background_await(const struct process *process)
{
    if (!is_waited_for(process))
        return 0;
    struct job *guard = shell.is_interactive ? guard_start() : NULL;
    while (is_waited_for(process) && !(guard && job_has_ended(guard)) && change_take(0))
        ;
    return guard ? guard_end(guard) : 0;
}

int jobs_wait_all(void)
{
    int status = background_await(NULL);

    if (!shell.is_interactive)
        jobs_forget_ended();
    return status;
}

int jobs_wait_process(pid_t pid)
{
    struct job *job;
    const struct process *process = process_find(pid, &job);

    if (!process)
        return STATUS_NOT_FOUND;
    int status = background_await(process);
    if (status == 0)
        status = process->status;
    if (!shell.is_interactive && job_has_ended(job))
        job_forget(job);
    return status;
}

/* ---- fg, bg, and %n ---- */

/* The job that is meant where none is named: the last one that was stopped, or else the last. */
static struct job *job_current(void)
{
    struct job *last = NULL, *last_stopped = NULL;

    for (struct job *job = jobs; job; job = job->next) {
        if (job->number > 0)
            last = job;
        if (job->number > 0 && job_is_stopped(job))
            last_stopped = job;
    }
    return last_stopped ? last_stopped : last;
}

struct job *job_named(const char *name)
{
    long number;

    if (!name || strcmp(name, "%") == 0 || strcmp(name, "%%") == 0 || strcmp(name, "%+") == 0)
        return job_current();
    if (!number_parse(name + (*name == '%'), 1, INT_MAX, &number))
        return NULL;
    for (struct job *job = jobs; job; job = job->next) {
        if (job->number == number)
            return job;
    }
    return NULL;
}

pid_t job_group(const struct job *job)
{
    return job->group;
}

static void job_continue(struct job *job)
{
    for (size_t i = 0; i < job->nprocesses; i++) {
        if (job->processes[i].state == PROCESS_STOPPED)
            job->processes[i].state = PROCESS_RUNNING;
    }
    job->has_news = false;
    kill(-job->group, SIGCONT);
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
