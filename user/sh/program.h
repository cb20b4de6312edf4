/* Turns a process into a program. */
#pragma once

#include <stdnoreturn.h>

/* Runs the program argv[0], which is looked for in the directories of $PATH unless it has a slash,
   in place of this process. If that fails, says why and ends the process with status 126 or 127. */
noreturn void program_run(char **argv);
