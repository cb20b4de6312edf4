/* Random bytes from a generator that is seeded by RDRAND, where the CPU has it, and by the clocks.
   Good enough for AT_RANDOM and for tests, but not for cryptographic keys. */
#pragma once

#include <lib/base.h>

/* Seeds the generator. Called once, at boot. */
void random_init(void);

/* Fills `buf`. Lock: RANK_PIPE, taken inside. */
void random_bytes(void *buf, size_t len);
