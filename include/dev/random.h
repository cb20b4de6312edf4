/* Random bytes: a generator seeded from RDRAND, where there is one, and the clocks. Good for
   AT_RANDOM and for tests; not for keys. */
#pragma once

#include <lib/base.h>

void random_init(void);

/* Lock: RANK_PIPE, taken inside. */
void random_bytes(void *buf, size_t len);
