/* Resource limits. */
#include "limit.h"

#include <limits.h>
#include <string.h>

#include "message.h"
#include "number.h"

const struct limit limits[] = {
    {'s', RLIMIT_STACK, 1024, "stack (kB)"},    {'d', RLIMIT_DATA, 1024, "heap and data (kB)"},
    {'v', RLIMIT_AS, 1024, "all memory (kB)"},  {'n', RLIMIT_NOFILE, 1, "open files"},
    {'t', RLIMIT_CPU, 1, "CPU time (seconds)"},
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

int limit_set(const struct limit *limit, const char *text, const char *prefix)
{
    bool is_unlimited = strcmp(text, "unlimited") == 0;
    struct rlimit value;
    long number = 0;

    if (!is_unlimited && !number_parse(text, 0, LONG_MAX / limit->unit, &number)) {
        complain("%s%s: not a limit (a number, or unlimited)", prefix, text);
        return 2;
    }
    if (getrlimit(limit->resource, &value) == 0) {
        value.rlim_cur = is_unlimited ? RLIM_INFINITY : number * limit->unit;
        if (value.rlim_max < value.rlim_cur)
            value.rlim_max = value.rlim_cur;
        if (setrlimit(limit->resource, &value) == 0)
            return 0;
    }
    complain_errno("%s%s", prefix, limit->name);
    return 1;
}
