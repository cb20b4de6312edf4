/* What a report of a broken invariant adds to its message. */
#pragma once

#include <lib/base.h>

/* Prints the rule that is broken, if it is known, what is known of the frame that a message names,
   and the last events that concern this frame or the address that the message names. `fmt` is the
   format of the message, which may begin with RULE(n), and `text` the message. Takes no lock. One
   CPU at a time calls it: one that panics, or hangs, or audits while the world is stopped. */
void report_broken(const char *fmt, const char *text);
