/* The files of /proc, as text. */
#pragma once

#include "test.h"

/* Calls visit for each line of a file that must exist. */
void proc_lines(const char *path, void (*visit)(const char *line, void *context), void *context);

/* Reads the rest of an open file, `size` bytes at once. Returns how many bytes there were. */
size_t proc_read_all(int fd, char *bytes, size_t capacity, size_t size);

/* Sets *text to the contents of a file, which end with a null character. They stay until the next
   call. Returns their length. */
size_t proc_text(const char *path, char **text);

enum { STAT_FIELDS = 52 };

/* Reads /proc/PID/stat. The fields have the numbers of proc(5); fields that are no numbers are
   0. */
void proc_stat_read(const char *path, unsigned long field[STAT_FIELDS + 1], char *state);
