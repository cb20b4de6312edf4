/* The receiver: brings what is typed to the line discipline, and its signals to the processes. */
#pragma once

#include <lib/base.h>

/* Starts the thread that takes bytes from the input ring. Called once, at boot, when processes can
   get signals. */
void receiver_start(void);

/* Drops all input that no program has read, be it in the line, in the input ring or in the serial
   line. */
void receiver_flush(void);

/* Handles a byte as if it had been typed (TIOCSTI). The caller holds no lock. */
void receiver_type(uint8_t byte);
