/* The commands that the shell carries out itself, since they change the shell. */
#pragma once

struct builtin {
    const char *name;
    int (*run)(int argc, char **argv); /* => the status; what it prints goes to stdout */
};

/* => NULL if `name` is a program, or nothing at all. */
const struct builtin *builtin_find(const char *name);

/* In a file of its own. */
int ulimit_run(int argc, char **argv);
