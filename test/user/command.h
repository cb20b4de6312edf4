/* Commands in the syntax of the shell. */
#pragma once

/* Sets *text to what a command prints on standard output. The next call overwrites it. Its input is
   empty, and its messages are dropped. Returns its exit status. */
int output_of(const char *script, char **text);

/* Check that the command ends with this status, 0 or 1, and prints this text, or nothing. */
#define prints(status, script, expected) command_check(__FILE__, __LINE__, status, script, expected)
#define runs(script)                     command_check(__FILE__, __LINE__, 0, script, "")
#define fails(script)                    command_check(__FILE__, __LINE__, 1, script, "")

void command_check(const char *file, int line, int status, const char *script,
                   const char *expected);
