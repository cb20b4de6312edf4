/* The output of strace. A line belongs to one process. If another process needs a line before it is
   complete, the line is broken off. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tracee.h"

/* Opens the output: a file, or standard error if `path` is NULL. With `with_pids`, each line in a
   file begins with the number of its process. Returns false, after a message, if the file cannot be
   opened. */
bool output_open(const char *path, bool with_pids);

/* Sets the column of the results. */
void output_set_column(int column);

/* Begins a line about the process. */
void line_begin(const struct tracee *tracee);

/* Continues the line of the tracee's call. If it was broken off, begins a line that says so. */
void line_resume(const struct tracee *tracee, const char *call);

/* End the line. line_break, if a line is unfinished, first prints "<unfinished ...>". */
void line_break(void);
void line_end(void);

/* Prints a part of the line. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_char(char c);

/* Prints blanks up to the column of the results. */
void print_to_column(void);

/* Flushes the output. */
void output_flush(void);

/* Flushes the output. Returns false if a part of it could not be written. */
bool output_is_whole(void);
