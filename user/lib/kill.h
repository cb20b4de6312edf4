/* Sending signals, for the program kill and for the shell's built-in command. */
#pragma once

#include <stdbool.h>

#define KILL_SYNOPSIS "[-SIGNAL | -s SIGNAL] PID... | -l [SIGNAL...]"

enum { KILL_USAGE = -1 };

/* The caller of kill_run. */
struct kill_caller {
    const char *prefix; /* begins each message after the program's name: "" or "kill: " */
    /* Sends a signal to the job with a name such as %1. Returns false after a message. NULL means
       that the caller has no jobs. */
    bool (*job_signal)(const char *name, int signal);
};

/* Runs kill with these arguments, which NULL ends. Returns the status, or KILL_USAGE, without a
   message, if they are not as in KILL_SYNOPSIS. */
int kill_run(char **arguments, const struct kill_caller *by);
