/* The console: kernel messages, and the output of the terminal, on the serial line and the
   screen. */
#pragma once

#include <stdarg.h>
#include <lib/base.h>

/* Prints a kernel message to the debug port (0xe9), and to the serial line and the screen unless
   "quiet" is on the command line. A panic ignores "quiet". May be called from anywhere, interrupt
   handlers included. Lock: RANK_CONSOLE. */
__printf(1, 2) void printk(const char *fmt, ...);
void vprintk(const char *fmt, va_list args);

/* Prints a kernel message as printk does, but not into the middle of a line: while a line stands
   unfinished on the serial line and the screen, the message waits there until it ends. The log and
   the debug port get it at once. For whole lines. */
__printf(1, 2) void printk_between_lines(const char *fmt, ...);

/* Shows the messages that wait for the end of a line, because the machine is about to stop. */
void console_show_waiting(void);

/* Writes bytes of the terminal to the serial line and the screen, unchanged: no "\r" before
   "\n". */
void console_write(const char *text, size_t len);

/* The operations of the screen (dev/screen.c). Called with the console's lock held. */
struct console_screen {
    /* Takes bytes as a terminal receives them. They may become visible later. */
    void (*write)(const char *text, size_t len);
    /* Makes all that was written visible now, because the machine may stop. */
    void (*show)(void);
};

void console_set_screen(const struct console_screen *new);

/* Acquires and releases the console's lock (RANK_CONSOLE, interrupts off), for the screen.
   console_unlock takes the value that console_lock returned. After a panic both do nothing. */
bool console_lock(void);
void console_unlock(bool irq);

/* The log keeps the last CONSOLE_LOG_SIZE bytes of kernel messages. A position in it counts all
   bytes since boot; console_log_end returns the position behind the last one. */
#define CONSOLE_LOG_SIZE (16u * 1024)

/* Copies messages from position *from on, or from the oldest kept, and moves *from behind them.
   Returns the number of bytes, at most `size`; 0 if there are no more. Lock: RANK_CONSOLE. */
size_t console_log_read(uint64_t *from, char *buf, size_t size);
uint64_t console_log_end(void);

/* Returns the next byte that was received, or -1. The caller holds the input ring's lock. */
int serial_read(void);

/* The bytes that the serial line holds before they are read. */
#define SERIAL_FIFO_BYTES 16u

/* Returns true if received bytes were lost since the last call, because the FIFO was full. The
   caller holds the input ring's lock. */
bool serial_take_overrun(void);

/* Enables the receive interrupt (ISA line 4). */
void serial_listen(void);

#define SERIAL_IRQ 4

/* Switches to panic mode: no locks, and every message on all channels. */
void console_panic_mode(void);

/* Between these two, an NMI handler prints without the console's lock, because it may have
   interrupted the holder: to the log, the debug port and the serial line. The messages of several
   CPUs do not mix. */
void console_report_begin(void);
void console_report_end(void);
