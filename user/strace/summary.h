/* strace -c: the number and the cost of each call. */
#pragma once

#include "tracee.h"

/* Counts a call that has ended. `usage` is the present usage of the process. */
void summary_count(const struct tracee *tracee, const struct rusage *usage);

/* Prints the table. */
void summary_print(void);
