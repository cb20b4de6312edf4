/* Copying files and whole directories, for cp and for mv. */
#pragma once

#include <stdbool.h>

struct copy_options {
    bool is_recursive; /* copies directories; links and devices are copied as such */
    bool keeps;        /* keeps modes and times; otherwise the umask and the present time hold */
    bool is_forced;    /* removes a file in the way that cannot be written */
};

/* Copies the file or directory at `from` to `to`. A file at `to` is replaced; a directory at `to`
   is filled. Returns false, after a message, if any part could not be copied. */
bool path_copy(const char *from, const char *to, const struct copy_options *options);
