/* The end of the kernel, and the assertions that lead there. Only a broken invariant may panic: nothing that a
   program does reaches this. */
#pragma once

#include <lib/base.h>

/* Stops every CPU and reports: the message, the registers, the four entries of the walk of CR2, a symbolised
   backtrace. On the host: prints and aborts. */
__noreturn __printf(1, 2) void panic(const char *fmt, ...);

#define assert(cond)                                                 \
    do {                                                             \
        if (unlikely(!(cond)))                                       \
            panic("%s:%d: not true: %s", __FILE__, __LINE__, #cond); \
    } while (0)
