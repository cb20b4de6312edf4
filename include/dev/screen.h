/* The screen: shows what is written to the console, if the boot loader has set up a display. */
#pragma once

/* Shows the kernel's messages from now on. Called once, at boot, when devices can be mapped. */
void screen_init(void);

/* Starts the thread that shows what programs write. Called once, at boot, when threads can be made.
   */
void screen_start(void);

/* Has the thread show soon what has been written to the console. Lock: RANK_PIPE, taken inside. */
void screen_refresh(void);
