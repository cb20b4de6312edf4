/* Writing what is not on the disks yet, every five seconds. */
#pragma once

/* Starts the thread. Once, at boot, if there is a disk. */
void flusher_start(void);
