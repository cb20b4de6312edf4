/* What a program may have at most: the limits that the shell's ulimit and run-limited set. */
#pragma once

#include <stdbool.h>
#include <sys/resource.h>

struct limit {
    char letter; /* of the option that stands for it */
    int resource;
    rlim_t unit;      /* of the numbers that people write: so many bytes, seconds or pieces */
    const char *name; /* with the unit */
};

extern const struct limit limits[];
extern const int limit_count;

/* => NULL: there is no such limit */
const struct limit *limit_find(char letter);

/* Sets the soft limit of this process to a number of units, or "unlimited", and leaves the hard one where it can, so
   that there is a way back. => 0; or a status, after a message that begins with `prefix`: 2 if `text` is no limit, 1 if
   it cannot be set */
int limit_set(const struct limit *limit, const char *text, const char *prefix);
