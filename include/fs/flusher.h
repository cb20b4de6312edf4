/* Writing what is not on the disks yet, every few seconds and before the machine ends. */
#pragma once

#include <lib/base.h>

/* Starts a thread for each disk. Once, at boot. */
void flusher_start(void);

/* The time between two rounds, in hundredths of a second; 0: there are none. As
   /proc/sys/vm/dirty_writeback_centisecs on Linux. */
unsigned flusher_interval(void);
void flusher_set_interval(unsigned centisecs);

/* Has everything written that is dirty now, on all disks at once, and waits for it. -EINTR: the
   thread is to be killed. The caller holds no lock. */
__must_check int flusher_sync(void);

/* Does the same because the machine is about to end. The wait for a disk ends if it carries out no
   request for ten seconds, and a message says so. */
void flusher_finish(void);
