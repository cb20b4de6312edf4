/* Meters of CPU time: threads that work say how much of it they have had.

   A busy host may stop a virtual CPU while the clocks go on. The thread that runs there is charged
   for the time, which it sees as a gap: its CPU time jumps between two readings. The kernel lets
   the others catch up afterwards. So a share may be off by one gap, and what is compared is allowed
   two. In virtual time (time_is_virtual) a gap is a few microseconds. */
#pragma once

#include "test.h"

#define MS 1000000ul /* in nanoseconds */

struct meter {
    volatile uint64_t begin_ns; /* CPU time when what is measured began; 0: it has not begun */
    volatile uint64_t now_ns;   /* CPU time at the last reading */
    volatile uint64_t gap_ns;   /* the longest time between two readings */
};

/* Reads the CPU time of this thread into its meter, and returns it. */
uint64_t meter_read(struct meter *meter);

/* Works until this thread has had so much CPU time. */
void meter_work_until(struct meter *meter, uint64_t ns);

/* Returns the CPU time since begin_ns; 0 if nothing has begun. */
uint64_t meter_ns(const struct meter *meter);

/* Returns by how much a comparison of these meters may be off. */
uint64_t meters_slack_ns(const struct meter *meters, int count);
