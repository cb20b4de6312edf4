/* What kernel/mm and kernel/vm stand on when they run on the host: memory from an array, a console, panic, and
   allocations that can be made to fail. The locks are in locks.c, the MMU in mmu.c. */
#pragma once

#include <arch/step.h>
#include <mm/frame.h>

/* Gives the kernel its memory. Once. */
void platform_init(void);

/* Says what is wrong and ends the process. Every check ends here, and the kernel's panic too. */
__noreturn __printf(1, 2) void finding(const char *fmt, ...);

/* The exit status of a process with a finding. */
#define EXIT_FINDING 3

/* Whether `checks` finds nothing; a finding in it does not end the process, and can be read in finding_text. */
bool finds_nothing(void (*checks)(void *arg), void *arg);
const char *finding_text(void);

/* Called by finding() before the process ends; NULL: nothing. To say what was going on. */
extern void (*finding_hook)(void);

#define check(cond, ...)          \
    do {                          \
        if (unlikely(!(cond)))    \
            finding(__VA_ARGS__); \
    } while (0)

/* Findings and the kernel's messages go to stderr; not while this is set. */
extern bool platform_quiet;

/* A finding ends the process with abort(), as libFuzzer wants it. */
extern bool finding_aborts;

/* ---- Shortage ---- */

/* Lets the n-th request for memory from now on fail; 0: none. Requests are calls of the frame allocator and of the heap
   from kernel/vm, and of the frame allocator from the heap. */
void shortage_at(unsigned nth);

/* Whether a request has failed since shortage_forget, by its doing or because memory was really out. */
bool shortage_seen(void);
void shortage_forget(void);

/* Whether the request that shortage_at named has not come yet. */
bool shortage_ahead(void);

/* ---- Frames ---- */

/* Called when a frame has become free; NULL: nothing. */
extern void (*freed_hook)(const struct frame *frame);

/* ---- Locks ---- */

/* Called when a CPU cannot go on until another one has; NULL: there is no other, a deadlock. */
extern void (*block_hook)(void);

/* Waits for another CPU. */
void block(const char *what);

/* Whether this CPU holds no lock, and has preemption on. */
bool locks_none_held(void);

/* Forgets the locks that a CPU holds: it starts something new. */
void locks_reset(void);
