/* The state of the shell that its parts share. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum {
    STATUS_USAGE =
        2, /* a command line, or the arguments of a built-in command, that makes no sense */
    STATUS_NOT_RUN = 126,     /* a program that is there but cannot be run */
    STATUS_NOT_FOUND = 127,   /* a program that is not there */
    STATUS_SIGNAL_BASE = 128, /* plus the signal that ended a program */
};

struct shell {
    bool is_interactive; /* commands come from a terminal, which the jobs get in turn */
    bool is_interrupted; /* by Ctrl-C, in a job or at the prompt: the rest is not run */
    bool has_warned;     /* that its end would leave stopped jobs: who tries again means it */
    int status;          /* $?: of the last command */
    pid_t pid;           /* $$; the same in subshells */
    pid_t background;    /* $!: the last process of the newest background job; 0: none yet */
    char **arguments;    /* $0, $1, ...; NULL ends them */
    int narguments;      /* $#: without $0 */
};

extern struct shell shell;
