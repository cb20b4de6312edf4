/* The history: a ring of the last lines. */
#include "history.h"

#include <stdlib.h>
#include <string.h>

#include "../lib/memory.h"

enum { HISTORY_LINES = 200 };

static char *lines[HISTORY_LINES]; /* from malloc */
static unsigned nlines;            /* all lines that were ever added */

const char *history_get(unsigned age)
{
    if (age == 0 || age > nlines || age > HISTORY_LINES)
        return NULL;
    return lines[(nlines - age) % HISTORY_LINES];
}

void history_add(const char *line)
{
    const char *newest = history_get(1);

    if (line[0] == '\0' || (newest && strcmp(newest, line) == 0))
        return;
    char **place = &lines[nlines++ % HISTORY_LINES];
    free(*place);
    *place = must_copy(line);
}
