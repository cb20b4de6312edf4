/* strace -c: how often each call was made, and what it cost. */
#pragma once

#include "tracee.h"

/* A call has ended. `usage`: of the process, now. */
void summary_count(const struct tracee *tracee, const struct rusage *usage);

/* The table. */
void summary_print(void);
