/* The files of /proc that hold a "Key:  value" or "key value" on each line, such as /proc/meminfo,
   /proc/PID/status and /proc/stat. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* One line that a program asks for. */
struct procfs_field {
    const char *key; /* (in) what stands before the colon or blank */
    char value[64];  /* (out) what follows it and the blanks there; "" if there is no such line */
};

/* Fills in the values of `fields` from the file. => false, with errno, if it cannot be read. */
bool procfs_read(const char *path, struct procfs_field *fields, size_t nfields);
