/* Allocations of the kernel that fail on request, through /proc/self/fail-nth. Pagoda only.

   A scenario is one thing that a program does. New processes repeat it: first with no allocation
   failing, then with the first of the kernel's allocations for it failing, then with the second,
   and so on, until none fails any more. After each attempt these hold:

   - It has returned an error that says so, or its process was killed and the kernel says why.

   - A call that failed has changed nothing visible, and works when it is repeated.

   - Nothing is lost: the audit is clean, and as much memory is in use as before. */
#pragma once

#include "test.h"

/* Opens the switch of this process. A child must open its own. */
int fail_nth_open(void);

/* Makes the nth allocation for this process from now on fail; 0 means none. It takes no memory. A
   child's count continues from where its parent was at the fork. */
void fail_nth(int fd, unsigned nth);

/* Returns how many allocations have been made to fail since boot. */
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
    int (*attempt)(void);  /* returns 0, or an errno */
    unsigned flags;
};

/* Runs all scenarios as cases, in their own directory, which is emptied after each attempt. */
void check_scenarios(const struct scenario *scenarios, size_t count);

/* Returns errno if `result` is -1, and else 0. */
static inline int error_of(long result)
{
    return result == -1 ? errno : 0;
}

/* Kills the younger processes whose parent is init: children of a killed process, whatever their
   group. Returns when init has reaped them. */
void kill_orphans(void);
