/* What Pagoda has and Linux lacks, for programs that are to run on both. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whether the kernel under this program is Pagoda. */
bool on_pagoda(void);

/* Moves the break, the end of the heap, by `n` bytes, and returns where it was. n < 0 gives memory
   back at once. A shrink to below the start of the heap changes nothing and returns the break.
   => (void *)-1 with errno ENOMEM, and nothing changed, where the heap cannot grow that far.
   On Linux it does the same with brk. musl's malloc moves the break too: a program uses one or the
   other. */
void *pagoda_sbrk(intptr_t n);

/* Has the kernel count every reference to every frame again.
   => 0 if all were right; -1 with errno otherwise, ENOSYS on Linux. */
long pagoda_audit(void);
