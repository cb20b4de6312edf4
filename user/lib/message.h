/* Messages of programs, "NAME: what: reason" on standard error. A message is one write, so that the
   messages of several processes stay whole. NAME is the last part of argv[0]. */
#pragma once

#include <stdbool.h>
#include <stdnoreturn.h>

/* Makes the compiler check the first argument, a printf format, against the others. */
#define FORMAT_CHECKED __attribute__((format(printf, 1, 2)))

/* Prints "NAME: what". */
FORMAT_CHECKED void complain(const char *what, ...);

/* Prints "NAME: what: reason", with the reason for which errno stands. */
FORMAT_CHECKED void complain_errno(const char *what, ...);

/* Prints complain_errno's message about a path. Returns false, for a caller that does so too. */
bool path_failed(const char *path);

/* Prints "usage: NAME synopsis", and ends the program with status 2. */
noreturn void usage(const char *synopsis);

/* Prints the usage and ends the program, which takes no arguments, if it has any. */
void no_arguments(int argc);

/* Flushes standard output. Returns `status`, or, if some output could not be written, 1 after a
   message. */
int finish(int status);
