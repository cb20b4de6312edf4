/* ulimit -s|-d|-v|-n [LIMIT]: shows, or sets, what the shell and the programs that it starts may
   have. LIMIT is a number, of kilobytes except for -n, or "unlimited". ulimit -a shows all. */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "../lib/message.h"
#include "../lib/number.h"
#include "builtins.h"
#include "shell.h"

static const struct limit {
    char letter;
    int resource;
    rlim_t unit; /* bytes, or pieces */
    const char *name;
} limits[] = {
    {'s', RLIMIT_STACK, 1024, "stack (kB)"},
    {'d', RLIMIT_DATA, 1024, "heap and data (kB)"},
    {'v', RLIMIT_AS, 1024, "all memory (kB)"},
    {'n', RLIMIT_NOFILE, 1, "open files"},
};

enum { NLIMITS = sizeof(limits) / sizeof(limits[0]) };

static int limit_failed(const struct limit *limit)
{
    complain_errno("ulimit: %s", limit->name);
    return 1;
}

/* Prints the limit in its unit, behind its name if `has_name`. */
static int limit_print(const struct limit *limit, bool has_name)
{
    struct rlimit value;

    if (getrlimit(limit->resource, &value) < 0)
        return limit_failed(limit);
    if (has_name)
        printf("-%c  %-20s", limit->letter, limit->name);
    if (value.rlim_cur == RLIM_INFINITY)
        puts("unlimited");
    else
        printf("%llu\n", (unsigned long long)(value.rlim_cur / limit->unit));
    return 0;
}

static int limits_print(void)
{
    int status = 0;

    for (int i = 0; i < NLIMITS; i++)
        status |= limit_print(&limits[i], true);
    return status;
}

/* Sets the soft limit, and leaves the hard one where it can, so that there is a way back. */
static int limit_set(const struct limit *limit, const char *text)
{
    bool is_unlimited = strcmp(text, "unlimited") == 0;
    struct rlimit value;
    long number = 0;

    if (!is_unlimited && !number_parse(text, 0, LONG_MAX / limit->unit, &number)) {
        complain("ulimit: %s: not a limit", text);
        return STATUS_USAGE;
    }
    if (getrlimit(limit->resource, &value) < 0)
        return limit_failed(limit);
    value.rlim_cur = is_unlimited ? RLIM_INFINITY : number * limit->unit;
    if (value.rlim_max < value.rlim_cur)
        value.rlim_max = value.rlim_cur;
    return setrlimit(limit->resource, &value) == 0 ? 0 : limit_failed(limit);
}

static const struct limit *limit_find(const char *option)
{
    for (int i = 0; i < NLIMITS; i++) {
        if (option[0] == '-' && option[1] == limits[i].letter && option[2] == '\0')
            return &limits[i];
    }
    return NULL;
}

int ulimit_run(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "-a") == 0)
        return limits_print();
    const struct limit *limit = argc == 2 || argc == 3 ? limit_find(argv[1]) : NULL;
    if (!limit) {
        complain("ulimit: usage: ulimit -a | -s|-d|-v|-n [LIMIT]");
        return STATUS_USAGE;
    }
    return argc == 3 ? limit_set(limit, argv[2]) : limit_print(limit, false);
}
