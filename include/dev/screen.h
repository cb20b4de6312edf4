/* The screen: shows what goes to the console, if the boot loader left something to show it on. */
#pragma once

/* From here on the kernel's messages are shown. Once, when devices can be mapped. */
void screen_init(void);

/* Starts the thread that shows what programs write. Once, when threads can be made. */
void screen_start(void);

/* Sees to it that what has been written to the console is shown soon. Takes a lock of RANK_PIPE. */
void screen_refresh(void);
