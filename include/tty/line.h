/* The line discipline: bytes that are typed become lines that programs read, with echo and editing.
   It knows no process: the caller sends the signals that line_receive asks for, and checks that a
   reader or writer is in the foreground (tty/terminal.h). It touches no user memory.

   Lock: RANK_PIPE, taken inside; all functions may be called without other locks only. */
#pragma once

#include <asm/termios.h>
#include <lib/base.h>

struct poll_source;

/* ---- Input ---- */

/* The effect of VSTART and VSTOP: line_look_ahead may have handled the byte already. */
enum line_flow { LINE_CONTROLS, LINE_CONTROLLED };

/* Handles one typed byte: echoes it, edits the line, or completes it. A byte without room is
   dropped, and the bell rings if IMAXBEL is set. Returns the signal for the foreground group that
   the byte asks for (SIGINT, ...), or 0. */
__must_check int line_receive(uint8_t byte, enum line_flow flow);

/* Returns false if the byte needs room that a program can make by reading. If code makes room,
   or changes the answer otherwise, it calls input_retry (dev/input.h). */
bool line_accepts(uint8_t byte);

/* Returns true if the byte is a signal character that drops all input before it. */
bool line_is_flushed_by(uint8_t byte);

/* Stops or starts the output if the byte, which waits for room, is VSTOP or VSTART. */
void line_look_ahead(uint8_t byte);

/* The behaviour of a call that would have to wait: LINE_NO_WAIT makes it return -EAGAIN. */
enum line_wait { LINE_WAIT, LINE_NO_WAIT };

/* Reads up to `len` bytes into kernel memory; in canonical mode, one line at most. Sleeps until
   there is input, or as VMIN and VTIME say. Returns 0 at the end of the input, and at a hangup: if
   the number of hangups differs from `hangups`, unless that is LINE_NEVER. Returns -EINTR if a
   signal came before the first byte. */
__must_check ssize_t line_read(char *buf, size_t len, enum line_wait wait, unsigned hangups);

/* The most bytes that are useful as `len` of line_read. */
#define LINE_READ_MAX 4096u

/* Returns how many bytes can be read now: FIONREAD. */
size_t line_input_len(void);

/* Returns true if poll(2) says that input is there: a read would not wait, unless VTIME is set. */
bool line_is_readable(void);

/* Returns the source of the terminal's events. */
struct poll_source *line_poll_source(void);

/* Drops what has not been read. */
void line_flush_input(void);

/* ---- Output ---- */

/* Prints, with the output processing of the settings. Sleeps while the output is stopped. Returns
   -EAGAIN, -EINTR, or -EIO (hung up, see line_read); nothing was printed then. */
__must_check int line_write(const char *buf, size_t len, enum line_wait wait, unsigned hangups);

/* Returns true if a write would not wait. */
bool line_is_writable(void);

/* tcflow: TCOOFF and TCOON. Output that TCOOFF stopped is started by TCOON only. */
void line_suspend_output(void);
void line_resume_output(void);

/* tcflow: TCIOFF and TCION send VSTOP or VSTART to the person at the terminal, even if the output
   is stopped. */
void line_send_special(unsigned index);

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
