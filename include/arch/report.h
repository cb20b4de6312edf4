/* What a report of a broken invariant adds to its message. */
#pragma once

#include <lib/base.h>

/* Prints the rule that is broken, and what is known of the frame that a message names. `fmt` is the
   format of the message, which may begin with RULE(n), and `text` the message. Takes no lock. */
void report_broken(const char *fmt, const char *text);
