/* Copying files and whole directories, for cp and for mv. */
#pragma once

#include <stdbool.h>

struct copy_options {
    bool is_recursive; /* directories too; then links are copied as links, and devices as devices */
    bool keeps;        /* mode and times as they are; else the umask's, and now */
    bool is_forced;    /* a file in the way that cannot be written is removed first */
};

/* Copies the file or directory at `from` to `to`, which is replaced if it is a file; a directory goes into the one that
   is there. => false, after a message, if something of it could not be copied */
bool path_copy(const char *from, const char *to, const struct copy_options *options);
