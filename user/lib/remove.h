/* Removing whole directories, for rm and for mv. */
#pragma once

#include <stdbool.h>

/* Removes a file, or a directory with all that is in it. => false, after messages, if something stays */
bool path_remove_all(const char *path);
