/* The executor: a function for each level of the tree in syntax.h. A built-in command that is alone
   in its pipeline runs in the shell itself; all other commands run in processes of their own. */
#include "execute.h"

#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <unistd.h>

#include "../lib/message.h"
#include "builtins.h"
#include "expand.h"
#include "jobs.h"
#include "linemem.h"
#include "program.h"
#include "redirect.h"
#include "shell.h"
#include "variables.h"

/* Makes the assignments NAME=value. Returns false after a message. */
static bool assignments_make(const struct word *assignments, bool is_for_program)
{
    for (; assignments; assignments = assignments->next) {
        size_t len = variable_name_length(assignments->raw);
        char *name = line_copy(assignments->raw, len);
        char *value = expand_string(assignments->raw + len + 1);
        if (!value)
            return false;
        variable_set(name, value);
        if (is_for_program)
            variable_export(name);
    }
    return true;
}

static bool is_program(const struct command *command)
{
    return command->subshell || (command->argv[0] && !builtin_find(command->argv[0]));
}

/* Runs a built-in command, or one of assignments and redirections only. The assignments last. */
static int builtin_run(const struct command *command)
{
    char **argv = command->argv;
    int argc = 0;

    if (!assignments_make(command->assignments, false))
        return 1;
    if (!argv[0])
        return 0;
    while (argv[argc])
        argc++;
    int status = finish(builtin_find(argv[0])->run(argc, argv));
    clearerr(stdout);
    return status;
}

/* Runs a built-in command in this process, and undoes its redirections afterwards. */
static int builtin_run_here(const struct command *command)
{
    struct redirect_undo undo;
    bool is_redirected = redirects_make(command->redirects, &undo);
    int status = is_redirected ? builtin_run(command) : 1;

    redirects_undo(&undo);
    return status;
}

/* Runs a command, and ends this process with its status. */
noreturn static void command_become(struct command *command)
{
    if (!redirects_make(command->redirects, NULL))
        exit(1);
    if (command->subshell) {
        list_run(command->subshell);
        exit(shell.status);
    }
    if (!is_program(command))
        exit(builtin_run(command));
    if (!assignments_make(command->assignments, true))
        exit(1);
    program_run(command->argv);
}

/* Moves an end of a pipe, if there is one, to the standard input or output `fd` of this process. */
static void pipe_end_move(int end, int fd)
{
    if (end < 0 || end == fd)
        return;
    if (dup2(end, fd) < 0) {
        complain_errno("pipe");
        exit(1);
    }
    close(end);
}

static void pipe_end_close(int end)
{
    if (end >= 0)
        close(end);
}

/* Starts the commands of a pipeline as the processes of a job. */
static void pipeline_start(struct command *commands, struct job *job)
{
    int input = -1; /* the pipe from the previous command */

    for (struct command *command = commands; command; command = command->next) {
        int ends[2] = {-1, -1}; /* the pipe to the next one */
        if (command->next && pipe(ends) < 0) {
            complain_errno("pipe");
            job_add_failed(job);
            break;
        }
        pid_t pid = job_fork(job);
        if (pid == 0) {
            pipe_end_close(ends[0]);
            pipe_end_move(input, STDIN_FILENO);
            pipe_end_move(ends[1], STDOUT_FILENO);
            command_become(command);
        }
        pipe_end_close(input);
        pipe_end_close(ends[1]);
        input = ends[0];
        if (pid < 0)
            break;
    }
    pipe_end_close(input);
}

/* Expands the words of each command. Returns false after a message. */
static bool pipeline_expand(struct command *commands)
{
    for (struct command *command = commands; command; command = command->next) {
        if (command->subshell)
            continue;
        command->argv = expand_words(command->words);
        if (!command->argv)
            return false;
    }
    return true;
}

static int commands_run(struct command *commands, const char *text)
{
    if (!pipeline_expand(commands))
        return 1;
    if (!commands->next && !is_program(commands))
        return builtin_run_here(commands);
    struct job *job = job_create(text, true);
    pipeline_start(commands, job);
    return job_complete(job);
}

static bool is_due(const struct pipeline *pipeline)
{
    bool has_succeeded = shell.status == 0;

    return pipeline->condition == RUN_ALWAYS ||
           (pipeline->condition == RUN_AFTER_SUCCESS) == has_succeeded;
}

static void and_or_run(const struct and_or *and_or)
{
    for (struct pipeline *p = and_or->pipelines; p; p = p->next) {
        if (shell.is_interrupted || !is_due(p))
            continue;
        int status = commands_run(p->commands, and_or->text);
        shell.status = p->is_negated ? !status : status;
    }
}

/* Starts a background job. A pipeline becomes the job's processes; a longer list runs in a
   subshell. */
static int and_or_start(const struct and_or *and_or)
{
    struct pipeline *first = and_or->pipelines;
    bool is_pipeline = !first->next && !first->is_negated;

    if (is_pipeline && !pipeline_expand(first->commands))
        return 1;
    struct job *job = job_create(and_or->text, false);
    if (is_pipeline) {
        pipeline_start(first->commands, job);
    } else if (job_fork(job) == 0) {
        and_or_run(and_or);
        exit(shell.status);
    }
    return job_complete(job);
}

void list_run(struct and_or *list)
{
    for (; list && !shell.is_interrupted; list = list->next) {
        if (list->is_background)
            shell.status = and_or_start(list);
        else
            and_or_run(list);
    }
}
