/* Line editing, on a terminal.

       arrows, Ctrl-B Ctrl-F    moves          Ctrl-U    removes what is before the cursor
       Home End Ctrl-A Ctrl-E   moves far      Ctrl-K    removes what is behind it
       up, down, Ctrl-P Ctrl-N  other lines    Ctrl-W    removes the word before it
       Backspace, Delete        removes        Ctrl-L    clears the screen
       Tab                      completes      Ctrl-C    forgets the whole command
       Ctrl-D                   removes, or, on an empty line, ends the input */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Whether the standard input is a terminal that can be edited on. */
bool edit_is_possible(void);

enum { EDIT_INTERRUPTED = -2 };

/* Reads a line, with its newline, into a buffer of `size` bytes. => its length; 0: end of input; -1: with errno;
   EDIT_INTERRUPTED: Ctrl-C */
ssize_t edit_line(const char *prompt, char *buffer, size_t size);
