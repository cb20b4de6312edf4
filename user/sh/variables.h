/* The variables of the shell, and their export to the environment. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Returns the length of the variable name at the start of `text`, or 0. */
size_t variable_name_length(const char *text);

/* Imports the shell's environment. */
void variables_import(char **environment);

/* Returns the value, which is valid until the variable changes; NULL if the variable is not set. */
const char *variable_get(const char *name);
void variable_set(const char *name, const char *value);
void variable_unset(const char *name);

/* Exports a variable to the environment. A variable that is not set becomes empty. */
void variable_export(const char *name);

/* Prints "export NAME=value" for each exported variable. */
void variables_print_exported(void);

/* Returns the environment for a program, in line memory. */
char **variables_environment(void);
