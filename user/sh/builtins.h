/* The commands that the shell carries out itself, since they change the shell. */
#pragma once

#include <stddef.h>

struct builtin {
    const char *name;
    int (*run)(int argc, char **argv); /* => the status; what it prints goes to stdout */
};

/* => NULL if `name` is a program, or nothing at all. */
const struct builtin *builtin_find(const char *name);

/* The names of all, one after the other. => NULL behind the last */
const char *builtin_name(size_t n);

/* In a file of its own. */
int ulimit_run(int argc, char **argv);
