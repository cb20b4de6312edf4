/* The PS/2 keyboard: what is typed on it goes to the terminal (dev/tty.h). */
#pragma once

#define KEYBOARD_IRQ 1

/* Once, when the terminal is there. */
void keyboard_init(void);

/* The keyboard's interrupt (KEYBOARD_IRQ); from interrupt_dispatch. */
void keyboard_interrupt(void);
