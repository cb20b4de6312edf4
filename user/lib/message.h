/* What a program says when something went wrong: "NAME: what: reason" on standard error. A message
   is one write, so that the messages of several processes do not mix. NAME is the last part of
   argv[0]. */
#pragma once

#include <stdbool.h>
#include <stdnoreturn.h>

/* Has the compiler compare the first argument, a printf format, with the others. */
#define FORMAT_CHECKED __attribute__((format(printf, 1, 2)))

/* "NAME: what" */
FORMAT_CHECKED void complain(const char *what, ...);

/* "NAME: what: the reason that errno stands for" */
FORMAT_CHECKED void complain_errno(const char *what, ...);

/* complain_errno about a path, and false, for a function that ends so. */
bool path_failed(const char *path);

/* Shows "usage: NAME synopsis", and ends the program with status 2. */
noreturn void usage(const char *synopsis);

/* For a program that takes no arguments: the same if there are any. */
void no_arguments(int argc);

/* What main returns at its end: `status`, or, if what was printed could not be written, 1 after a
   message. */
int finish(int status);
