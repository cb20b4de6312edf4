/* Allocations of the kernel that fail because the test wants them to: /proc/self/fail-nth. Pagoda only.

   A scenario is one thing that a program does. It is done again and again, each time by a new process: first with
   nothing failing, then with the first of the kernel's allocations for it failing, then with the second, and so on,
   until it meets none that fails. Each time

   - it returns an error that says so, or its process is killed, and the kernel says why;
   - a call that failed has changed nothing that can be seen, and works when it is tried again;
   - nothing is lost: the audit is clean, and as much memory is in use as before. */
#pragma once

#include "test.h"

/* Opens the switch of this process; a child that wants to use its own must open it anew. */
int fail_nth_open(void);

/* The nth allocation for this process from now on fails; 0: none does. Takes no memory. What a child allocates is
   counted on from where its parent was at the fork. */
void fail_nth(int fd, unsigned nth);

/* How many allocations have been made to fail since boot. */
long failures_made(void);

enum {
    MAY_BE_PARTIAL = 1, /* it can fail when a part of it is done */
    MAY_SUCCEED = 2,    /* it can do without what it does not get */
    ONCE = 4,           /* it is not tried again in the same process */
    NO_MEMORY = 8,      /* it takes none: there is nothing to fail */
};

struct scenario {
    const char *name;
    void (*prepare)(void); /* what is needed before; nothing fails there; or NULL */
    int (*attempt)(void);  /* => 0, or an errno */
    unsigned flags;
};

/* Goes through them all, in a directory of their own, which is emptied after each attempt. */
void check_scenarios(const struct scenario *scenarios, size_t count);

/* => errno if a call returned -1, else 0 */
static inline int error_of(long result)
{
    return result == -1 ? errno : 0;
}

/* Ends what is younger than this process and has become init's: children of a process that was killed, whatever their
   group; and waits until init has buried them. */
void kill_orphans(void);
