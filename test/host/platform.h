/* The platform under kernel/mm and kernel/vm on the host: memory in an array, a console, panic,
   and allocations that can fail on request. The locks are in locks.c, the MMUs in mmu.c. */
#pragma once

#include <arch/step.h>
#include <mm/frame.h>

/* Gives the kernel its memory. Called once. */
void platform_init(void);

/* Prints the problem and ends the process. Every failed check and every panic of the kernel ends
   here. */
__noreturn __printf(1, 2) void finding(const char *fmt, ...);

/* The exit status of a process with a finding. */
#define EXIT_FINDING 3

/* Returns true if `checks` has no finding. A finding in `checks` does not end the process;
   finding_text returns its text. */
bool finds_nothing(void (*checks)(void *arg), void *arg);
const char *finding_text(void);

/* Returns the rule of docs/design.md that the last finding, or the last report of the audit, names;
   0: none. */
unsigned finding_rule(void);

/* Called by finding() before the process ends, to print the state. NULL: no call. */
extern void (*finding_hook)(void);

#define check(cond, ...)          \
    do {                          \
        if (unlikely(!(cond)))    \
            finding(__VA_ARGS__); \
    } while (0)

/* Suppresses findings and the kernel's messages, which otherwise go to stderr. */
extern bool platform_quiet;

/* Makes a finding end the process with abort(), as libFuzzer expects. */
extern bool finding_aborts;

/* ---- Memory shortage ---- */

/* Makes the n-th request for memory from now on fail; 0 means none. Requests are calls of the
   frame allocator and of the heap by kernel/vm, and of the frame allocator by the heap. */
void shortage_at(unsigned nth);

/* Returns true if a request has failed since shortage_forget: on demand, or because memory was
   exhausted. */
bool shortage_seen(void);
void shortage_forget(void);

/* Returns true if the request that shortage_at chose is still to come. */
bool shortage_ahead(void);

/* ---- Frames ---- */

/* Called when a frame becomes free. NULL: no call. */
extern void (*freed_hook)(const struct frame *frame);

/* Checks that nothing has been written to the frames that were freed last. With the address
   sanitizer, such a write is a finding by itself. */
void check_freed_frames(void);

/* ---- Locks ---- */

/* Called when a CPU must wait for another CPU. NULL: there is no other CPU, so the wait is a
   deadlock. */
extern void (*block_hook)(void);

/* Called when a CPU lets others go on, without being sure that it must. NULL: no call. */
extern void (*relax_hook)(void);

/* Waits for another CPU. `what` names the lock in a finding. */
void block(const char *what);

/* Returns true if this CPU holds no lock, and preemption is enabled. */
bool locks_none_held(void);

/* Clears this CPU's record of held locks, before it begins something new. */
void locks_reset(void);
