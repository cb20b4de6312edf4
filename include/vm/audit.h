/* The audit (design.md, rule 4): recomputes every reference count from nothing, and compares. */
#pragma once

#include <mm/frame.h>

/* A holder of frames above vm/. Each is registered once, at boot, and asked at each audit. */
struct audit_owner {
    const char *name;
    void (*visit)(void (*hold)(struct frame *frame)); /* calls hold once for each reference */
    struct audit_owner *next;
};

void audit_register(struct audit_owner *owner);

/* Returns the number of differences, and prints the first. The world is stopped (sched/world.h).

   The audit checks every frame, and every entry of every table of every vspace:

       - the reference count is right, and a free frame has none
       - W means mine alone (if the counts are right)
       - a region promises what is present
       - no page of the kernel is writable and executable */
unsigned audit_run(void);
