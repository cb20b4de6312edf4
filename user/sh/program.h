/* Runs a program in place of this process. */
#pragma once

#include <stdnoreturn.h>

/* Runs the program argv[0] in place of this process. A name without a slash is searched for in the
   directories of $PATH. On failure, prints a message and ends with status 126 or 127. */
noreturn void program_run(char **argv);
