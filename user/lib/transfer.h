/* Arguments of the form SOURCE... TARGET, for cp and for mv. */
#pragma once

#include <stdbool.h>

/* Calls `transfer` for each source with where it goes: `target` itself if there is one source and that is no directory,
   else what bears the source's name in it. => the status of the program */
int transfer_all(char **sources, int nsources, const char *target,
                 bool (*transfer)(const char *from, const char *to));
