/* The screen: shows what is written to the console, if the boot loader has set up a display. */
#pragma once

#include <lib/base.h>

/* Shows the kernel's messages from now on. Called once, at boot, when devices can be mapped. */
void screen_init(void);

/* Starts the thread that shows what programs write. Called once, at boot, when threads can be made.
   */
void screen_start(void);

/* Returns the size of the screen in characters. Returns false if there is no screen. */
__must_check bool screen_size(unsigned *rows, unsigned *columns);

/* Wakes the screen thread, which soon shows the new console output. Lock: RANK_PIPE, taken
   inside. */
void screen_refresh(void);
