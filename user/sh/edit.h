/* Line editing on a terminal. The keys:

       left, right, Ctrl-B Ctrl-F   move by a character
       Home End, Ctrl-A Ctrl-E      move to the start or the end of the line
       up, down, Ctrl-P Ctrl-N      show another line of the history
       Backspace, Delete            remove the character before, or at, the cursor
       Ctrl-U, Ctrl-K               remove the text before, or after, the cursor
       Ctrl-W                       removes the word before the cursor
       Ctrl-D                       acts as Delete; on an empty line, ends the input
       Ctrl-C                       abandons the whole command
       Ctrl-L                       clears the screen
       Tab                          completes the word */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Returns true if the standard input is a terminal on which lines can be edited. */
bool edit_is_possible(void);

enum { EDIT_INTERRUPTED = -2 };

/* Reads a line. Returns its length, with its newline, and sets `*line` to it, which stays until the
   next call. Returns 0 at the end of input; -1 with errno on failure; EDIT_INTERRUPTED after
   Ctrl-C. */
ssize_t edit_line(const char *prompt, const char **line);
