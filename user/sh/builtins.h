/* The commands that run in the shell itself, because they change its state. */
#pragma once

#include <stddef.h>

struct builtin {
    const char *name;
    int (*run)(int argc, char **argv); /* prints to stdout; returns the status */
};

/* Returns the built-in command, or NULL if there is none with this name. */
const struct builtin *builtin_find(const char *name);

/* Returns the name of the n-th built-in command, or NULL after the last. */
const char *builtin_name(size_t n);

/* Runs the built-in command ulimit (ulimit.c). */
int ulimit_run(int argc, char **argv);
