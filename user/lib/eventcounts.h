/* Counts of the last events: of faults by outcome, and of changes by function. */
#pragma once

#include <stdbool.h>

/* Prints the tables of vmstat -e. Returns false after a message. */
bool event_counts_print(void);
