/* The console: the serial line and the screen, with the kernel's own messages on them and on the debug port. */
#pragma once

#include <stdarg.h>
#include <lib/base.h>

/* Kernel messages: to the debug port (0xe9) always, and to the serial line and the screen unless "quiet" is on the
   command line (panic lifts that). Lock: RANK_CONSOLE; may be called from anywhere, interrupts included. */
__printf(1, 2) void printk(const char *fmt, ...);
void vprintk(const char *fmt, va_list args);

/* Raw bytes to the serial line and the screen, for the terminal. "\n" goes out as it is. */
void console_write(const char *text, size_t len);

/* What dev/screen.c does for the console. Both are called with the console's lock held. */
struct console_screen {
    /* Takes bytes as a terminal gets them; they may be shown later. */
    void (*write)(const char *text, size_t len);
    /* Shows all that was written, now: the machine may stop. */
    void (*show)(void);
};

void console_set_screen(const struct console_screen *new);

/* The console's lock (RANK_CONSOLE, interrupts off), for the screen; console_unlock takes what console_lock returned.
   From panic on both do nothing. */
bool console_lock(void);
void console_unlock(bool irq);

/* The next byte that was received, or -1. Lock: none; one reader. */
int serial_read(void);

/* Enables the receive interrupt (ISA line 4). */
void serial_listen(void);

#define SERIAL_IRQ 4

/* From panic on: no locks, everything on all channels. */
void console_panic_mode(void);
