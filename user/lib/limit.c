/* Resource limits. */
#include "limit.h"

#include <limits.h>
#include <string.h>

#include "message.h"
#include "number.h"

const struct limit limits[] = {
    {'s', RLIMIT_STACK, 1024, "stack (kB)"},
    {'d', RLIMIT_DATA, 1024, "heap and data (kB)"},
    {'v', RLIMIT_AS, 1024, "all memory (kB)"},
    {'n', RLIMIT_NOFILE, 1, "open files"},
    {'t', RLIMIT_CPU, 1, "CPU time (seconds)"},
    {'u', RLIMIT_NPROC, 1, "processes"},
    {'f', RLIMIT_FSIZE, 1024, "size of a file (kB)"},
    {'c', RLIMIT_CORE, 1024, "core dump (kB)"},
};

const int limit_count = sizeof(limits) / sizeof(limits[0]);

const struct limit *limit_find(char letter)
{
    for (int i = 0; i < limit_count; i++) {
        if (limits[i].letter == letter)
            return &limits[i];
    }
    return NULL;
}

/* Sets *number to the limit that `text` stands for. */
static bool limit_parse(const struct limit *limit, const char *text, const struct rlimit *now,
                        rlim_t *value)
{
    long number;

    if (strcmp(text, "unlimited") == 0)
        *value = RLIM_INFINITY;
    else if (strcmp(text, "soft") == 0)
        *value = now->rlim_cur;
    else if (strcmp(text, "hard") == 0)
        *value = now->rlim_max;
    else if (number_parse(text, 0, LONG_MAX / limit->unit, &number))
        *value = number * limit->unit;
    else
        return false;
    return true;
}

int limit_set(const struct limit *limit, enum limit_kind kind, const char *text, const char *prefix)
{
    struct rlimit limits_now;
    rlim_t value;

    if (getrlimit(limit->resource, &limits_now) < 0) {
        complain_errno("%s%s", prefix, limit->name);
        return 1;
    }
    if (!limit_parse(limit, text, &limits_now, &value)) {
        complain("%s%s: not a limit (a number, unlimited, soft or hard)", prefix, text);
        return 2;
    }
    if (kind != LIMIT_HARD || limits_now.rlim_cur > value)
        limits_now.rlim_cur = value;
    if (kind != LIMIT_SOFT || limits_now.rlim_max < value)
        limits_now.rlim_max = value;
    if (setrlimit(limit->resource, &limits_now) == 0)
        return 0;
    complain_errno("%s%s", prefix, limit->name);
    return 1;
}
