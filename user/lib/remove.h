/* Removes whole directories, for rm and mv. */
#pragma once

#include <stdbool.h>

/* Removes a file, or a directory with its contents. Returns false, after messages, if any part
   remains. */
bool path_remove_all(const char *path);
