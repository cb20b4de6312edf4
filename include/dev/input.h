/* The input ring: typed bytes, on their way from the interrupt handlers of the serial line and the
   keyboard to the terminal's thread. The ring is ready from the start of the kernel; bytes wait in
   it until a thread takes them.

   If the ring is full, the serial line keeps its bytes, and its sender waits. A keyboard cannot
   wait: its key is dropped, and the bell rings. */
#pragma once

#include <lib/base.h>

/* Adds the bytes of a key. May be called by an interrupt handler. Lock: RANK_INTERRUPT, taken
   inside. */
void input_put(const char *bytes, size_t len);

/* The next three are for the one thread that takes bytes. */

/* Returns the byte that `offset` older ones precede, or -1. */
int input_peek(unsigned offset);

/* Takes the oldest byte out, and more from the serial line in. */
void input_drop(void);

/* Sleeps until there are more than `seen` bytes, or input_retry has been called. */
void input_wait(unsigned seen);

/* Wakes the thread, because there may be room for a byte that it could not pass on. Lock:
   RANK_INTERRUPT, taken inside. */
void input_retry(void);

/* Switches the serial line's receive interrupt on. Called once, at boot. */
void input_serial_init(void);

/* Handles the serial line's interrupt (SERIAL_IRQ): puts received bytes into the ring. Called by
   interrupt_dispatch. */
void input_serial_interrupt(void);
