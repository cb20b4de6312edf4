/* Load averages: how many threads wanted a CPU, over the last 1, 5 and 15 minutes. */
#pragma once

#include <lib/base.h>

#define LOADS      3
#define LOAD_SHIFT 11 /* a load of 1 is 1 << LOAD_SHIFT */

/* Number n of the three. */
uint64_t load_average(unsigned n);

/* From the tick of CPU 0, interrupts off. */
void load_tick(uint64_t now_ns);
