/* Functions on files and directories that several programs share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The names in a directory. */
struct dir_names {
    char **name;  /* sorted, without "." and ".."; array and names are from malloc */
    size_t count; /* number of names */
};

/* Writes all `len` bytes. Returns false, with errno, on failure. */
bool write_all(int fd, const void *bytes, size_t len);

/* Copies the rest of `from` to `to`. Returns false, after a message about one of the names, on
   failure. */
bool fd_copy(int from, const char *from_name, int to, const char *to_name);

/* Copies the rest of `fd` to standard output, without a buffer. Returns false, after a message
   about `name`, on failure. */
bool fd_show(int fd, const char *name);

/* Copies the file at `path` to standard output. Returns false, after a message, on failure. */
bool file_show(const char *path);

/* Reads all names of the directory at `path` before it returns, so that the caller may remove the
   files. Returns false, with errno and no names, on failure. */
bool dir_read(const char *path, struct dir_names *names);

/* Reads all names of a directory that was just opened, and leaves it open. */
bool dir_read_open(int fd, struct dir_names *names);
void dir_names_free(struct dir_names *names);

/* Returns "directory/name", from malloc. */
char *path_join(const char *directory, const char *name);
