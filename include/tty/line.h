/* The line discipline: bytes that are typed become lines that programs read, with echo and editing.
   It knows no process: the caller sends the signals that line_receive asks for, and checks that a
   reader or writer is in the foreground (tty/terminal.h). It touches no user memory.

   Lock: RANK_PIPE, taken inside; all functions may be called without other locks only. */
#pragma once

#include <asm/termios.h>
#include <lib/base.h>

/* ---- Input ---- */

/* Handles one typed byte: echoes it, edits the line, or completes it. A byte without room is
   dropped, and the bell rings if IMAXBEL is set. Returns the signal for the foreground group that
   the byte asks for (SIGINT, ...), or 0. */
__must_check int line_receive(uint8_t byte);

/* Returns false if the byte needs room that a program can make by reading. If code makes room,
   or changes the answer otherwise, it calls input_retry (dev/input.h). */
bool line_accepts(uint8_t byte);

/* Returns true if the byte is a signal character that drops all input before it. */
bool line_is_flushed_by(uint8_t byte);

/* Reads up to `len` bytes into kernel memory; in canonical mode, one line at most. Sleeps until
   there is input, or returns -EAGAIN instead if `nonblock`. Returns 0 at the end of the input, and
   at a hangup: if the number of hangups differs from `hangups`, unless that is LINE_NEVER. Returns
   -EINTR if a signal came first. */
__must_check ssize_t line_read(char *buf, size_t len, bool nonblock, unsigned hangups);

/* Returns how many bytes a read would return now. */
size_t line_input_len(void);

/* Returns true if a read would not wait. */
bool line_is_readable(void);

/* Drops what has not been read. */
void line_flush_input(void);

/* ---- Output ---- */

/* Prints, with the output processing of the settings. */
void line_write(const char *buf, size_t len);

/* Returns true if processes in the background may not write (TOSTOP). */
bool line_stops_writers(void);

/* ---- Hangups ---- */

/* Hangs up: reads that passed an older number of hangups return 0 from now on. */
void line_hangup(void);

/* Returns the number of hangups so far; never LINE_NEVER. */
unsigned line_hangups(void);
#define LINE_NEVER UINT32_MAX

/* ---- Settings ---- */

/* The fate of unread input when the settings change: TCSETS and TCSETSW keep it, TCSETSF drops
   it. */
enum line_unread { LINE_KEEP, LINE_DROP };

void line_get_termios(struct termios *termios);

/* Changes the settings. If canonical mode begins, unread input is handled once more, as if it were
   typed now. Returns the last signal that it asks for, or 0. */
__must_check int line_set_termios(const struct termios *termios, enum line_unread unread);

/* TIOCGWINSZ and TIOCSWINSZ. The second returns true if the size has changed. */
void line_get_winsize(struct winsize *size);
__must_check bool line_set_winsize(const struct winsize *size);
