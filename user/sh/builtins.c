/* The built-in commands. A message names the command: "sh: cd: /nowhere: No such file or
   directory". */
#include "builtins.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/kill.h"
#include "../lib/message.h"
#include "../lib/number.h"
#include "jobs.h"
#include "linemem.h"
#include "shell.h"
#include "variables.h"

static int arguments_refuse(const char *command)
{
    complain("%s: too many arguments", command);
    return STATUS_USAGE;
}

/* cd [DIRECTORY]: changes the current directory; without an argument, to $HOME. */
static int cd_run(int argc, char **argv)
{
    const char *home = variable_get("HOME");
    const char *directory = argc > 1 ? argv[1] : home;

    if (argc > 2)
        return arguments_refuse("cd");
    if (!directory) {
        complain("cd: HOME is not set; name a directory");
        return 1;
    }
    if (chdir(directory) == 0)
        return 0;
    complain_errno("cd: %s", directory);
    return 1;
}

static int pwd_run(int argc, char **argv)
{
    char path[PATH_MAX];

    (void)argc;
    (void)argv;
    if (!getcwd(path, sizeof(path))) {
        complain_errno("pwd");
        return 1;
    }
    puts(path);
    return 0;
}

/* exit [STATUS]: ends the shell; without an argument, with the status of the last command. */
static int exit_run(int argc, char **argv)
{
    long status = shell.status;

    if (argc > 2)
        return arguments_refuse("exit");
    if (argc == 2 && !number_parse(argv[1], 0, INT_MAX, &status)) {
        complain("exit: %s: not a number", argv[1]);
        return STATUS_USAGE;
    }
    if (!jobs_may_be_left())
        return 1;
    exit(finish(status & 0xff));
}

/* export [NAME[=VALUE]...]: puts variables into the environment; without arguments, shows it. */
static int export_run(int argc, char **argv)
{
    int status = 0;

    if (argc == 1)
        variables_print_exported();
    for (int i = 1; i < argc; i++) {
        size_t len = variable_name_length(argv[i]);
        bool is_name = len > 0 && (argv[i][len] == '\0' || argv[i][len] == '=');
        if (!is_name) {
            complain("export: %s: not a name", argv[i]);
            status = STATUS_USAGE;
            continue;
        }
        char *name = line_copy(argv[i], len);
        if (argv[i][len] == '=')
            variable_set(name, argv[i] + len + 1);
        variable_export(name);
    }
    return status;
}

static int unset_run(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        variable_unset(argv[i]);
    return 0;
}

static struct job *job_find(const char *command, const char *name)
{
    struct job *job = job_named(name);

    if (!job)
        complain("%s: %s: no such job (jobs lists them)", command, name ? name : "current");
    return job;
}

static int argument_await(const char *name)
{
    long pid;

    if (name[0] == '%') {
        struct job *job = job_find("wait", name);
        return job ? jobs_wait_job(job) : STATUS_NOT_FOUND;
    }
    if (number_parse(name, 1, INT_MAX, &pid))
        return jobs_wait_process(pid);
    complain("wait: %s: not a process number (ps lists them)", name);
    return STATUS_USAGE;
}

/* wait [PID | JOB]...: waits for processes and jobs; without arguments, for all background jobs. */
static int wait_run(int argc, char **argv)
{
    int status = 0;

    if (argc == 1)
        return jobs_wait_all();
    for (int i = 1; i < argc && !shell.is_interrupted; i++)
        status = argument_await(argv[i]);
    return status;
}

/* jobs [-l | -p]: lists the jobs; -l adds the number of each job's first process, and -p shows only
   that. */
static int jobs_run(int argc, char **argv)
{
    enum jobs_format format = JOBS_PLAIN;

    if (argc > 2)
        return arguments_refuse("jobs");
    if (argc == 2 && strcmp(argv[1], "-l") == 0) {
        format = JOBS_WITH_PID;
    } else if (argc == 2 && strcmp(argv[1], "-p") == 0) {
        format = JOBS_PID;
    } else if (argc == 2) {
        complain("jobs: usage: jobs [-l | -p]");
        return STATUS_USAGE;
    }
    jobs_show(format);
    return 0;
}

static bool kill_job(const char *name, int signal)
{
    struct job *job = job_find("kill", name);

    if (!job)
        return false;
    if (job_signal(job, signal))
        return true;
    complain_errno("kill: %s", name);
    return false;
}

/* kill: see user/lib/kill.h. It is built in because it knows the jobs, and because a shell that can
   start no process must be able to end some. */
static int kill_builtin_run(int argc, char **argv)
{
    static const struct kill_caller builtin = {.prefix = "kill: ", .job_signal = kill_job};

    (void)argc;
    int status = kill_run(argv + 1, &builtin);
    if (status != KILL_USAGE)
        return status;
    complain("kill: usage: kill %s", KILL_SYNOPSIS);
    return STATUS_USAGE;
}

/* fg [JOB], bg [JOB]: continue a job; without an argument, the job that was stopped last. */
static int resume_run(int argc, char **argv, int (*resume)(struct job *))
{
    if (!shell.is_interactive) {
        complain("%s: only an interactive shell has job control", argv[0]);
        return 1;
    }
    if (argc > 2)
        return arguments_refuse(argv[0]);
    struct job *job = job_find(argv[0], argv[1]);
    return job ? resume(job) : 1;
}

static int fg_run(int argc, char **argv)
{
    return resume_run(argc, argv, job_to_foreground);
}

static int bg_run(int argc, char **argv)
{
    return resume_run(argc, argv, job_to_background);
}

static const struct builtin builtins[] = {
    {"bg", bg_run},
    {"cd", cd_run},
    {"exit", exit_run},
    {"export", export_run},
    {"fg", fg_run},
    {"jobs", jobs_run},
    {"kill", kill_builtin_run},
    {"pwd", pwd_run},
    {"ulimit", ulimit_run},
    {"unset", unset_run},
    {"wait", wait_run},
};

enum { NBUILTINS = sizeof(builtins) / sizeof(builtins[0]) };

const char *builtin_name(size_t n)
{
    return n < NBUILTINS ? builtins[n].name : NULL;
}

const struct builtin *builtin_find(const char *name)
{
    for (size_t i = 0; i < NBUILTINS; i++) {
        if (strcmp(builtins[i].name, name) == 0)
            return &builtins[i];
    }
    return NULL;
}
