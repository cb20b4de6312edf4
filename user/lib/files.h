/* Files and directories, as several programs use them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The names in a directory. */
struct dir_names {
    char **name;  /* sorted, without "." and ".."; each from malloc */
    size_t count; /* how many */
};

/* Writes all of `len` bytes. => false, with errno, if that failed. */
bool write_all(int fd, const void *bytes, size_t len);

/* Copies what is left of `from` to `to`. => false, after a message about one of the names, if that failed. */
bool fd_copy(int from, const char *from_name, int to, const char *to_name);

/* Copies what is left of `fd` to standard output, at once. => false, after a message about `name`,
   if that failed. */
bool fd_show(int fd, const char *name);

/* The same for the file at `path`. */
bool file_show(const char *path);

/* Reads all names of the directory at `path` before it returns, so that the caller may remove them.
   => false, with errno, if that failed; `names` is then empty. */
bool dir_read(const char *path, struct dir_names *names);
void dir_names_free(struct dir_names *names);

/* "directory/name", from malloc. */
char *path_join(const char *directory, const char *name);
