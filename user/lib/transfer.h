/* Arguments of the form SOURCE... TARGET, for cp and mv. */
#pragma once

#include <stdbool.h>

/* Calls `transfer` for each source and its destination. The destination is `target` for a single
   source, if that is no directory; otherwise it is the source's name in `target`. Returns the
   program's status. */
int transfer_all(char **sources, int nsources, const char *target,
                 bool (*transfer)(const char *from, const char *to));
