/* Finds a program, and runs it in this process. */
#include "program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/message.h"
#include "linemem.h"
#include "shell.h"
#include "variables.h"

/* Tries the directories of $PATH in turn. Returns after a failure, with errno; ENOENT means that no
   directory has the program. */
static void path_execute(char **argv, char **environment)
{
    const char *path = variable_get("PATH");
    int error = ENOENT;

    for (const char *directory = path ? path : "/bin"; directory;
         directory = strchr(directory, ':')) {
        directory += *directory == ':';
        int len = strcspn(directory, ":");
        execve(line_format("%.*s%s%s", len, directory, len > 0 ? "/" : "./", argv[0]), argv,
               environment);
        if (errno != ENOENT && errno != ENOTDIR)
            error = errno;
    }
    errno = error;
}

noreturn void program_run(char **argv)
{
    char **environment = variables_environment();
    bool is_path = strchr(argv[0], '/');

    errno = ENOENT;
    if (is_path)
        execve(argv[0], argv, environment);
    else if (argv[0][0])
        path_execute(argv, environment);
    bool is_absent = errno == ENOENT;
    if (is_absent && !is_path)
        complain("%s: command not found", argv[0]);
    else if (errno == ENOEXEC)
        complain_errno(
            "%s: neither a static program for x86-64 nor a script (\"#!/bin/sh\" begins one)",
            argv[0]);
    else
        complain_errno("%s", argv[0]);
    exit(is_absent ? STATUS_NOT_FOUND : STATUS_NOT_RUN);
}
