/* Messages to the person at the terminal. */
#include "message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool complain(const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fputs("replay: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    putc('\n', stderr);
    return false;
}

bool complain_errno(const char *what)
{
    return complain("%s: %s", what, strerror(errno));
}

void *must_resize(void *memory, size_t size)
{
    memory = realloc(memory, size);
    if (!memory) {
        complain("out of memory");
        exit(2);
    }
    return memory;
}
