/* The first line of a script, read as Linux reads it:

       #! /bin/sh   -e -x   \n      the interpreter /bin/sh, and the one argument "-e -x"

   Blanks are spaces and tabs. Those around the interpreter and at the end of the line are dropped.
   If the line does not end within the head of the file, its argument is cut off, but an
   interpreter that may be cut off is an error. A 0 ends the interpreter or the argument.

   Lock: none. */

#include <linux/errno.h>
#include <fs/pagecache.h>
#include <fs/vnode.h>
#include <lib/string.h>
#include "script.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Returns the first byte from `at` on that is no blank, or `end`. */
static char *skip_blanks(char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

/* Returns the first blank or 0 from `at` on, or `end`. */
static char *skip_word(char *at, const char *end)
{
    while (at < end && *at != '\0' && !is_blank(*at))
        at++;
    return at;
}

/* Returns the end of the first line, or NULL if it is so long that the interpreter may be cut
   off. */
static char *line_end(struct script *script)
{
    char *head_end = script->head + SCRIPT_HEAD, *at = script->head;

    while (at < head_end && *at != '\n')
        at++;
    if (at < head_end)
        return at;
    at = skip_word(skip_blanks(script->head + 2, head_end), head_end);
    return at < head_end ? head_end - 1 : NULL;
}

/* Cuts the head into interpreter and argument. */
static int script_parse(struct script *script)
{
    char *end = line_end(script);

    if (!end)
        return -ENOEXEC;
    while (is_blank(end[-1])) /* "#!" ends this */
        end--;
    char *name = skip_blanks(script->head + 2, end), *name_end = skip_word(name, end);
    if (name == end)
        return -ENOEXEC;
    *end = '\0';
    script->interpreter = name;
    script->argument = NULL;
    if (name_end < end && is_blank(*name_end)) {
        script->argument = skip_blanks(name_end, end);
        *name_end = '\0';
    }
    return 1;
}

int script_read(struct vnode *exe, struct script *script)
{
    memset(script->head, 0, sizeof(script->head));
    ssize_t len = pagecache_read_kernel(exe->cache, 0, script->head, sizeof(script->head));
    if (len < 0)
        return len;
    return memcmp(script->head, "#!", 2) == 0 ? script_parse(script) : 0;
}
