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

/* The limit that counts, the highest value to which it may be raised again, or both. */
enum limit_kind { LIMIT_SOFT, LIMIT_HARD, LIMIT_BOTH };

/* Sets a limit of this process to a number of units, to "unlimited", or to the present "soft" or
   "hard" limit. A hard limit below a new soft limit is raised, and a soft limit above a new hard
   limit is lowered. Returns 0; or, after a message that begins with `prefix`, 2 if `text` is no
   limit, or 1 if the limit cannot be set. */
int limit_set(const struct limit *limit, enum limit_kind kind, const char *text,
              const char *prefix);
