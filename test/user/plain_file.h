/* The file "file" of the current directory, on which cases work. */
#pragma once

#include "test.h"

/* Creates the file with this text. Returns a descriptor to read and write. */
int plain_file_create(const char *text);

/* Removes the file, and closes its last descriptor. */
void plain_file_remove(int fd);

off_t file_offset(int fd);

/* Checks that a file consists of the expected text. */
void file_check_contents(int fd, const char *expected);
