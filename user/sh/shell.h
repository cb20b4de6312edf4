/* The state of the shell that its parts share. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum {
    STATUS_USAGE = 2,         /* an error in a line, or in the arguments of a built-in command */
    STATUS_NOT_RUN = 126,     /* a program that exists but cannot be run */
    STATUS_NOT_FOUND = 127,   /* a program that does not exist */
    STATUS_SIGNAL_BASE = 128, /* plus the signal that ended a program */
};

struct shell {
    bool is_interactive; /* commands come from a terminal, which jobs own in turn */
    bool is_interrupted; /* by Ctrl-C, in a job or at the prompt; the rest of the line is skipped */
    bool has_warned;     /* of stopped jobs; a second attempt to end the shell succeeds */
    int status;          /* $?: of the last command */
    pid_t pid;           /* $$; subshells keep it */
    pid_t background;    /* $!: the last process of the newest background job, or 0 */
    char **arguments;    /* $0, $1, ...; ended by NULL */
    int narguments;      /* $#: does not count $0 */
};

extern struct shell shell;
