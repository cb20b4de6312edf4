/* The console's terminal: the line discipline between the serial line, keyboard and screen and the
   programs.

   Bytes come in by interrupt and are worked on by a kernel thread: echoed, edited, turned into
   lines and signals. Nothing here touches user memory; fs/console.c carries bytes between here and
   there.

   Locks: one spinlock (RANK_PIPE) guards all of the state; the interrupt handler takes another of
   its own. */
#pragma once

#include <asm/termios.h>
#include <lib/base.h>

/* Makes the terminal and its thread, and listens to the serial line. Once, when threads can be
   made. */
void tty_init(void);

/* The serial line's interrupt (SERIAL_IRQ); from interrupt_dispatch. */
void tty_interrupt(void);

/* Takes what was typed elsewhere: on the keyboard. From its interrupt handler. */
void tty_receive(const char *bytes, size_t len);

/* Job control: proc/ knows whose terminal this is. Called without locks. */
struct tty_jobs {
    /* Sends a signal to the group in the foreground. */
    void (*signal)(int signo);

    /* Whether the current process may read (SIGTTIN), or write and change settings (SIGTTOU). If it is in the
       background: -EINTR, after its group got that signal; -EIO: nobody would continue it. */
    int (*check)(int signo);

    /* Whether the current process has the terminal. */
    bool (*is_mine)(void);

    /* The requests that are about processes. -ENOTTY: not one of them. */
    int (*ioctl)(unsigned request, uaddr_t arg);
};

/* Once, before any process runs. */
void tty_set_jobs(const struct tty_jobs *jobs);
int tty_check(int signo);
bool tty_is_mine(void);
int tty_jobs_ioctl(unsigned request, uaddr_t arg);

/* Ends what was a session's terminal for all files that were opened as such: who reads such a file gets 0 from now on,
   and who waits in a read as well. */
void tty_hangup(void);

/* How often that has happened; TTY_NEVER is not a number of these. */
unsigned tty_hangups(void);
#define TTY_NEVER UINT32_MAX

/* Up to `len` bytes of input into kernel memory: a line at most, in canonical mode. 0: end of
   input, or there is another number of hangups than `hangups` (unless that is TTY_NEVER). -EAGAIN: there is none, and
   `nonblock`; -EINTR. */
__must_check ssize_t tty_read(char *buf, size_t len, bool nonblock, unsigned hangups);

/* Prints, with the output processing that is switched on. -EINTR, -EIO: not from the background, with TOSTOP. */
__must_check int tty_write(const char *buf, size_t len);

/* Bytes that a read would return now; whether it would return at all without waiting. */
size_t tty_input_len(void);
bool tty_is_readable(void);

/* TCGETS and TCSETS; `flush`: forget input that nobody has read yet. */
void tty_get_termios(struct termios *termios);
void tty_set_termios(const struct termios *termios, bool flush);
void tty_flush_input(void);

/* TIOCGWINSZ and TIOCSWINSZ. */
void tty_get_winsize(struct winsize *size);
void tty_set_winsize(const struct winsize *size);

/* TIOCSTI: as if the byte had been typed. */
void tty_type(uint8_t byte);
