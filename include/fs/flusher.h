/* Writing what is not on the disks yet, every few seconds and before the machine ends. */
#pragma once

#include <lib/base.h>

/* Starts the thread. Once, at boot, if there is a disk. */
void flusher_start(void);

/* The time between two rounds, in hundredths of a second; 0: there are none. As
   /proc/sys/vm/dirty_writeback_centisecs on Linux. */
unsigned flusher_interval(void);
void flusher_set_interval(unsigned centisecs);

/* Has everything written, and waits for it, because the machine is about to end. A disk that does
   not answer ends the wait, and a message says so. The caller holds no lock. */
void flusher_finish(void);
