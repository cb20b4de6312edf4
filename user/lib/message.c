/* Messages in the form that all programs share. */
#define _GNU_SOURCE
#include "message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void message_write(const char *reason, const char *what_format, va_list args)
{
    char what[1024];
    char line[sizeof(what) + 256];

    vsnprintf(what, sizeof(what), what_format, args);
    int len = snprintf(line, sizeof(line), "%.64s: %s%s%s\n", program_invocation_short_name, what,
                       reason ? ": " : "", reason ? reason : "");
    if (write(STDERR_FILENO, line, len) < 0)
        return; /* there is no other channel to report this */
}

void complain(const char *what, ...)
{
    va_list args;

    va_start(args, what);
    message_write(NULL, what, args);
    va_end(args);
}

void complain_errno(const char *what, ...)
{
    const char *reason = strerror(errno);
    va_list args;

    va_start(args, what);
    message_write(reason, what, args);
    va_end(args);
}

bool path_failed(const char *path)
{
    complain_errno("%s", path);
    return false;
}

noreturn void usage(const char *synopsis)
{
    fprintf(stderr, "usage: %s%s%s\n", program_invocation_short_name, *synopsis ? " " : "",
            synopsis);
    exit(2);
}

void no_arguments(int argc)
{
    if (argc > 1)
        usage("");
}

int finish(int status)
{
    if (fflush(stdout) != 0)
        complain_errno("write error");
    else if (ferror(stdout)) /* errno has changed since that failure */
        complain("write error: a part of the output is lost");
    else
        return status;
    return 1;
}
