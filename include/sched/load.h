/* Load averages: how many threads wanted a CPU, over the last 1, 5 and 15 minutes. */
#pragma once

#include <lib/base.h>

#define LOADS      3
#define LOAD_SHIFT 11 /* a load of 1 is 1 << LOAD_SHIFT */

/* Returns the average over 1 (n = 0), 5 (1) or 15 (2) minutes. */
uint64_t load_average(unsigned n);

/* Updates the averages if five seconds are over. Called from each tick, interrupts off. */
void load_update(uint64_t now_ns);
