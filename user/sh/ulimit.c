/* ulimit [-HS] [-a | -s|-d|-v|-n|-t|-u|-f|-c] [LIMIT]: shows or sets a limit of the shell and of
   the programs that it starts; without a letter, -f.

       -s stack            -d heap and data    -v all memory       -f size of a file    in kB
       -n open files       -t CPU time in s    -u processes        -c core dump         in kB

   LIMIT is a number, "unlimited", "soft" or "hard". -S means the soft limit, which counts, and is
   the default. -H means the hard limit, the highest value to which a program can raise the soft
   limit. -a shows all. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../lib/limit.h"
#include "../lib/message.h"
#include "builtins.h"
#include "shell.h"

struct options {
    bool is_hard, is_soft, is_all;
    const struct limit *limit;
};

/* Prints the limit in its unit, after its name if all are shown. Returns the status. */
static int limit_print(const struct limit *limit, const struct options *options)
{
    struct rlimit value;

    if (getrlimit(limit->resource, &value) < 0) {
        complain_errno("ulimit: %s", limit->name);
        return 1;
    }
    rlim_t shown = options->is_hard ? value.rlim_max : value.rlim_cur;
    if (options->is_all)
        printf("-%c  %-20s", limit->letter, limit->name);
    if (shown == RLIM_INFINITY)
        puts("unlimited");
    else
        printf("%llu\n", (unsigned long long)(shown / limit->unit));
    return 0;
}

static int limits_print(const struct options *options)
{
    int status = 0;

    for (int i = 0; i < limit_count; i++)
        status |= limit_print(&limits[i], options);
    return status;
}

/* Takes a letter. Returns false if it is no option, or a second limit. */
static bool letter_take(struct options *options, char letter)
{
    const struct limit *limit = limit_find(letter);

    if (letter == 'H')
        options->is_hard = true;
    else if (letter == 'S')
        options->is_soft = true;
    else if (letter == 'a')
        options->is_all = true;
    else if (limit && !options->limit)
        options->limit = limit;
    else
        return false;
    return true;
}

/* Takes the options from the front of the arguments. Returns the rest, or NULL if one is wrong. */
static char **options_take(struct options *options, char **arguments)
{
    for (; *arguments && (*arguments)[0] == '-' && (*arguments)[1]; arguments++) {
        for (const char *letter = *arguments + 1; *letter; letter++) {
            if (!letter_take(options, *letter))
                return NULL;
        }
    }
    return arguments;
}

int ulimit_run(int argc, char **argv)
{
    struct options options = {0};
    char **rest = options_take(&options, argv + 1);
    size_t nrest = rest ? argv + argc - rest : 0;

    if (!rest || nrest > 1 || (options.is_all && (nrest > 0 || options.limit))) {
        complain("ulimit: usage: ulimit [-HS] [-a | -s|-d|-v|-n|-t|-u|-f|-c] [LIMIT]");
        return STATUS_USAGE;
    }
    if (options.is_all)
        return limits_print(&options);
    const struct limit *limit = options.limit ? options.limit : limit_find('f');
    if (nrest == 0)
        return limit_print(limit, &options);
    enum limit_kind soft_or_both = options.is_hard ? LIMIT_BOTH : LIMIT_SOFT;
    bool is_only_hard = options.is_hard && !options.is_soft;
    return limit_set(limit, is_only_hard ? LIMIT_HARD : soft_or_both, rest[0], "ulimit: ");
}
