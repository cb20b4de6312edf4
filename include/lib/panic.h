/* Panic and assertions. Only a broken invariant of the kernel panics; no program can cause it. */
#pragma once

#include <lib/base.h>
#include <lib/rule.h>

/* Stops every CPU. Reports the message, the rule that is broken if `fmt` begins with RULE(n), and a
   backtrace with symbols. On the host it prints the message and aborts. */
__noreturn __printf(1, 2) void panic(const char *fmt, ...);

#define assert(cond)                                                         \
    do {                                                                     \
        if (unlikely(!(cond)))                                               \
            panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #cond); \
    } while (0)

/* An assertion that a rule of docs/design.md holds. */
#define assert_rule(n, cond)                                                         \
    do {                                                                             \
        if (unlikely(!(cond)))                                                       \
            panic(RULE(n) "%s:%d: assertion failed: %s", __FILE__, __LINE__, #cond); \
    } while (0)

/* An assertion that costs too much for every build: checked with DEBUG=1 only. */
#ifdef DEBUG
#define IS_DEBUG           true
#define debug_assert(cond) assert(cond)
#else
#define IS_DEBUG           false
#define debug_assert(cond) ((void)sizeof(!(cond)))
#endif
