/* The lines that strace prints. A line belongs to one process; another that wants to say something meanwhile breaks it
   off. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tracee.h"

/* Where the lines go: to the file (NULL: standard error), there with the number of the process before each if
   `with_pids`. => false, after a message, if the file cannot be opened */
bool output_open(const char *path, bool with_pids);

/* Where the results stand. */
void output_set_column(int column);

/* Begins a line about the process. */
void line_begin(const struct tracee *tracee);

/* Goes on with the line of its call, or begins one that says so. */
void line_resume(const struct tracee *tracee, const char *call);

/* Whether a line is open, for any process. */
void line_break(void); /* ends it with a remark that it is not complete */
void line_end(void);

/* Prints a piece of the line. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_char(char c);

/* Blanks up to where the result stands. */
void print_to_column(void);

/* Everything that was printed can be read from now on. */
void output_flush(void);
