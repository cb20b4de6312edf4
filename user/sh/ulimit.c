/* ulimit -s|-d|-v|-n|-t [LIMIT]: shows or sets a limit of the shell and of the programs that it
   starts. LIMIT is "unlimited" or a number: of kilobytes, of files for -n, of seconds for -t.
   ulimit -a shows all limits. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../lib/limit.h"
#include "../lib/message.h"
#include "builtins.h"
#include "shell.h"

/* Prints the limit in its unit, after its name if `has_name`. Returns the status. */
static int limit_print(const struct limit *limit, bool has_name)
{
    struct rlimit value;

    if (getrlimit(limit->resource, &value) < 0) {
        complain_errno("ulimit: %s", limit->name);
        return 1;
    }
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

    for (int i = 0; i < limit_count; i++)
        status |= limit_print(&limits[i], true);
    return status;
}

static const struct limit *option_find(const char *option)
{
    bool is_letter = option[0] == '-' && option[1] != '\0' && option[2] == '\0';

    return is_letter ? limit_find(option[1]) : NULL;
}

int ulimit_run(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "-a") == 0)
        return limits_print();
    const struct limit *limit = argc == 2 || argc == 3 ? option_find(argv[1]) : NULL;
    if (!limit) {
        complain("ulimit: usage: ulimit -a | -s|-d|-v|-n|-t [LIMIT]");
        return STATUS_USAGE;
    }
    return argc == 3 ? limit_set(limit, argv[2], "ulimit: ") : limit_print(limit, false);
}
