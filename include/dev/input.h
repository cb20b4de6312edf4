/* The input ring: what is typed, on its way from the interrupt handlers of the serial line and the
   keyboard to the terminal's thread. The ring is ready from the start of the kernel; bytes wait in
   it until a thread takes them. */
#pragma once

#include <lib/base.h>

/* Adds bytes; what finds no room is dropped. May be called by an interrupt handler. Lock:
   RANK_INTERRUPT, taken inside. */
void input_put(const char *bytes, size_t len);

/* Takes the oldest byte; sleeps until there is one. */
uint8_t input_take(void);

/* Switches the serial line's receive interrupt on. Called once, at boot. */
void input_serial_init(void);

/* Handles the serial line's interrupt (SERIAL_IRQ): puts what was received into the ring. Called by
   interrupt_dispatch. */
void input_serial_interrupt(void);
