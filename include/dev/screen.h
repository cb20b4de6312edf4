/* The screen: shows what is written to the console, if the boot loader has set up a display. */
#pragma once

/* Shows the kernel's messages from now on. Called once, at boot, when devices can be mapped. */
void screen_init(void);

/* Starts the thread that shows what programs write. Called once, at boot, when threads can be made.
   */
void screen_start(void);

/* Wakes the screen thread, which soon shows the new console output. Lock: RANK_PIPE, taken
   inside. */
void screen_refresh(void);
