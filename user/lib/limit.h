/* Resource limits, as the shell's ulimit and run-limited set them. */
#pragma once

#include <stdbool.h>
#include <sys/resource.h>

struct limit {
    char letter; /* of the option */
    int resource;
    rlim_t unit;      /* bytes, seconds or pieces for each unit of the option's number */
    const char *name; /* includes the unit */
};

extern const struct limit limits[];
extern const int limit_count;

/* Returns the limit of an option, or NULL. */
const struct limit *limit_find(char letter);

/* Sets the soft limit of this process to a number of units, or to "unlimited". The hard limit is
   raised only if it is lower, and never lowered, so the soft limit can be raised again. Returns 0;
   or, after a message that begins with `prefix`, 2 if `text` is no limit, or 1 if the limit cannot
   be set. */
int limit_set(const struct limit *limit, const char *text, const char *prefix);
