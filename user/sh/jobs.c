/* Jobs: their list, and their processes. */
#include "jobs.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "../lib/memory.h"
#include "../lib/message.h"
#include "../lib/number.h"
#include "job.h"
#include "shell.h"

/* all jobs that still run, or whose end was neither reported nor waited for */
static struct job *jobs;

/* the jobs of the shell whose child this process is */
static struct job *jobs_of_parent;

struct job *jobs_first(void)
{
    return jobs;
}

struct job *jobs_for_people(void)
{
    return jobs ? jobs : jobs_of_parent;
}

void jobs_disown(void)
{
    jobs_of_parent = jobs;
    jobs = NULL;
}

/* Returns the link of the list that points to `job`; for NULL, the last link. */
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

void job_forget(struct job *job)
{
    *job_link(job) = job->next;
    free(job->text);
    free(job->processes);
    free(job);
}

void job_add(struct job *job, struct process process)
{
    size_t size = (job->nprocesses + 1) * sizeof(process);

    job->processes = must_resize(job->processes, size);
    job->processes[job->nprocesses++] = process;
}

void job_add_failed(struct job *job)
{
    job_add(job, (struct process){.pid = -1, .state = PROCESS_ENDED, .status = 1});
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

struct process *process_find(pid_t pid, struct job **found)
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

void process_change(pid_t pid, int wait_status)
{
    struct job *job;
    struct process *process = process_find(pid, &job);

    if (!process)
        return;
    process->signal = 0;
    job->has_news = true;
    if (WIFCONTINUED(wait_status)) {
        process->state = PROCESS_RUNNING;
        return;
    }
    process->state = WIFSTOPPED(wait_status) ? PROCESS_STOPPED : PROCESS_ENDED;
    if (WIFSTOPPED(wait_status))
        process->signal = WSTOPSIG(wait_status);
    else if (WIFSIGNALED(wait_status))
        process->signal = WTERMSIG(wait_status);
    process->status =
        process->signal ? STATUS_SIGNAL_BASE + process->signal : WEXITSTATUS(wait_status);
}

void job_number_give(struct job *job)
{
    int highest = 0;

    job->is_foreground = false;
    if (job->number > 0) /* it has a number from an earlier time in the background */
        return;
    for (const struct job *other = jobs; other; other = other->next)
        highest = other->number > highest ? other->number : highest;
    job->number = highest + 1;
}

void jobs_forget_ended(void)
{
    struct job *next;

    for (struct job *job = jobs; job; job = next) {
        next = job->next;
        if (job_has_ended(job))
            job_forget(job);
    }
}

bool jobs_may_be_left(void)
{
    bool is_any_stopped = false;

    for (const struct job *job = jobs; job; job = job->next)
        is_any_stopped |= job_is_stopped(job);
    if (!is_any_stopped || !shell.is_interactive || shell.has_warned)
        return true;
    complain("there are stopped jobs; fg continues one, and exit once more leaves them");
    shell.has_warned = true;
    return false;
}

/* ---- %n ---- */

/* Returns the current job: the last one that was stopped, or else the newest. */
static struct job *job_current(void)
{
    struct job *last = NULL, *last_stopped = NULL;

    for (struct job *job = jobs_for_people(); job; job = job->next) {
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
    for (struct job *job = jobs_for_people(); job; job = job->next) {
        if (job->number == number)
            return job;
    }
    return NULL;
}
