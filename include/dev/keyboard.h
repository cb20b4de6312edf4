/* The PS/2 keyboard: puts what is typed on it into the input ring (dev/input.h). */
#pragma once

#define KEYBOARD_IRQ 1

/* Switches the keyboard and its interrupt on. Called once, at boot. */
void keyboard_init(void);

/* Handles the keyboard's interrupt (KEYBOARD_IRQ). Called by interrupt_dispatch. */
void keyboard_interrupt(void);
