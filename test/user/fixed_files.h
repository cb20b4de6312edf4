/* A file with known contents and a directory, under fixed descriptors: what the calls that get bad
   pointers work on. */
#pragma once

#include "test.h"

enum { FILE_FD = 20, DIR_FD };

/* The length of the file, which is full of 'f'. */
#define FILE_LEN PAGE

/* Enters a directory with "file", "link" to it and "dir", and opens the descriptors. The second
   function leaves the directory, and checks that as many descriptors are open as before. */
void fixed_files_enter(void);
void fixed_files_leave(void);

/* Restores the contents of the file, and its offset, which is 0. */
void fixed_file_fill(void);

/* A case: the file, the directory and the signal mask are as they were. */
void nothing_has_changed(void);

/* Returns the end of a page behind which nothing is mapped. */
char *cliff(void);
