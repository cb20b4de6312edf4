/* The output of strace. */
#define _GNU_SOURCE
#include "output.h"

#include <stdarg.h>
#include <stdio.h>

#include "../lib/message.h"

static FILE *file;
static bool has_pids;          /* each line begins with its process */
static int result_column = 40; /* the default of Linux's strace */
static int column;             /* characters in the current line */
static pid_t open_for;         /* the process with an unfinished line, or 0 */

bool output_open(const char *path, bool with_pids)
{
    file = path ? fopen(path, "we") : stderr;
    has_pids = path && with_pids;
    if (!file)
        complain_errno("Can't fopen '%s'", path);
    else
        setvbuf(file, NULL, _IOFBF, BUFSIZ);
    return file;
}

void output_set_column(int new_column)
{
    result_column = new_column;
}

void print(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vfprintf(file, format, args);
    va_end(args);
    column += len > 0 ? len : 0;
}

void print_char(char c)
{
    putc(c, file);
    column++;
}

void print_to_column(void)
{
    print("%*s", column < result_column ? result_column - column : 0, "");
}

void output_flush(void)
{
    fflush(file);
}

bool output_is_whole(void)
{
    return fflush(file) == 0 && !ferror(file);
}

void line_end(void)
{
    print_char('\n');
    column = 0;
    open_for = 0;
    output_flush();
}

void line_break(void)
{
    if (!open_for)
        return;
    print(" <unfinished ...>");
    line_end();
}

void line_begin(const struct tracee *tracee)
{
    line_break();
    open_for = tracee->pid;
    if (has_pids)
        print("%-5d ", tracee->pid);
    else if (!tracee_is_only() && file == stderr)
        print("[pid %5d] ", tracee->pid);
}

void line_resume(const struct tracee *tracee, const char *call)
{
    if (open_for == tracee->pid)
        return;
    line_begin(tracee);
    print("<... %s resumed>", call);
}
