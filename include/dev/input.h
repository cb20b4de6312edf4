/* The input ring: typed bytes, on their way from the interrupt handlers of the serial line and the
   keyboard to the terminal's thread. The ring is ready from the start of the kernel; bytes wait in
   it until a thread takes them.

   If the ring is full, the serial line keeps its bytes, and its sender waits. A keyboard cannot
   wait: its key is dropped, and the bell rings. A sender on a real serial line that does not wait
   loses bytes in the chip, which says so. */
#pragma once

#include <lib/base.h>

/* Adds the bytes of a key. May be called by an interrupt handler. Lock: RANK_INTERRUPT, taken
   inside. */
void input_put(const char *bytes, size_t len);

/* The next four are for the one thread that takes bytes. The position of a byte is the number of
   bytes before it since boot, modulo 2^32. */

/* Returns the byte at *position, or -1 if it has not come yet. If it is out of the ring, *position
   moves to the oldest byte first. */
int input_peek(unsigned *position);

/* Takes the bytes before `position` out, and more from the serial line in. Returns false if they
   are out already, because they were flushed. */
bool input_drop(unsigned position);

/* Sleeps until there is a byte at `position`, or input_retry has been called. */
void input_wait(unsigned position);

/* Returns true if the serial line has lost bytes since the last call. */
bool input_take_overrun(void);

/* Drops all bytes in the ring and in the serial line. */
void input_flush(void);

/* Wakes the thread, because there may be room for a byte that it could not pass on. Lock:
   RANK_INTERRUPT, taken inside. */
void input_retry(void);

/* Switches the serial line's receive interrupt on. Called once, at boot. */
void input_serial_init(void);

/* Handles the serial line's interrupt (SERIAL_IRQ): puts received bytes into the ring. Called by
   interrupt_dispatch. */
void input_serial_interrupt(void);
