/* Files of /proc that hold a "Key:  value" or "key value" on each line, such as /proc/meminfo,
   /proc/PID/status and /proc/stat. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A line that a program looks for. */
struct procfs_field {
    const char *key; /* (in) the text before the colon or blank */
    char value[64];  /* (out) the text after the colon and the blanks; "" without such a line */
};

/* Reads the values of `fields` from the file. Returns false, with errno, if it cannot be read. */
bool procfs_read(const char *path, struct procfs_field *fields, size_t nfields);
