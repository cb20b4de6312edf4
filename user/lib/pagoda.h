/* System calls that only Pagoda has, for programs that run on Linux too. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Returns true if the kernel below this program is Pagoda. */
bool on_pagoda(void);

/* Moves the break, the end of the heap, by `n` bytes, and returns the old break. n < 0 frees memory
   at once. A shrink to below the start of the heap changes nothing and returns the break. If the
   heap cannot grow that far, nothing changes, and (void *)-1 is returned with errno ENOMEM.
   On Linux, brk does the work. musl's malloc moves the break too, so a program may use only one of
   the two. */
void *pagoda_sbrk(intptr_t n);

/* Makes the kernel recount every reference to every frame. Returns the number of differences, or -1
   with errno: ENOSYS on Linux. */
long pagoda_audit(void);

#ifdef __cplusplus
}
#endif
