/* The variables of the shell, and which of them programs see as their environment. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The length of the variable name at the start of `text`; 0 if there is none. */
size_t variable_name_length(const char *text);

/* Takes over the environment that the shell was started with. */
void variables_import(char **environment);

/* => the value, which lives until the variable changes; NULL if it is not set. */
const char *variable_get(const char *name);
void variable_set(const char *name, const char *value);
void variable_unset(const char *name);

/* Marks a variable as one for the environment; one that is not set becomes empty. */
void variable_export(const char *name);

/* Prints "export NAME=value" for each variable of the environment. */
void variables_print_exported(void);

/* => the environment for a program, in line memory. */
char **variables_environment(void);
