/* Reports on jobs to a person. */
#include "job.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "jobs.h"

void job_show_signals(const struct job *job)
{
    for (size_t i = 0; i < job->nprocesses; i++) {
        int signal = job->processes[i].signal;
        bool is_expected = signal == 0 || signal == SIGINT || signal == SIGPIPE;
        if (!is_expected && job->processes[i].state == PROCESS_ENDED)
            fprintf(stderr, "%s\n", strsignal(signal));
    }
}

/* Returns "Done", "Exit 3", "Killed" or the like, in static memory. */
static const char *job_state_text(const struct job *job)
{
    static char text[40];
    const struct process *last = job_last_process(job);

    if (job_is_running(job))
        return "Running";
    if (job_is_stopped(job))
        return "Stopped";
    if (last->signal)
        return strsignal(last->signal);
    if (last->status == 0)
        return "Done";
    snprintf(text, sizeof(text), "Exit %d", last->status);
    return text;
}

static void job_show(const struct job *job, enum jobs_format format, FILE *file)
{
    int pid = job->processes[0].pid;

    if (format == JOBS_PID)
        fprintf(file, "%d\n", pid);
    else if (format == JOBS_WITH_PID)
        fprintf(file, "[%d] %5d %-12s %s\n", job->number, pid, job_state_text(job), job->text);
    else
        fprintf(file, "[%d] %-12s %s\n", job->number, job_state_text(job), job->text);
}

void job_report(struct job *job)
{
    if (job->has_news && !job_is_running(job))
        job_show(job, JOBS_PLAIN, stderr);
    job->has_news = false;
}

void jobs_show(enum jobs_format format)
{
    jobs_update();
    for (struct job *job = jobs_for_people(); job; job = job->next) {
        if (job->number > 0)
            job_show(job, format, stdout);
        job->has_news = false;
    }
}
