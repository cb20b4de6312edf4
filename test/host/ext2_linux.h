/* The operations that the test of ext2 compares, done by Linux in the current directory. They have
   a file of their own because the structures of the C library have the names of the kernel's. */
#pragma once

#include <lib/base.h>

struct linux_file {
    uint32_t mode, nlink;
    uint64_t size;
};

void linux_enter(const char *dir);

/* Returns false if there is no such file. Does not follow links. */
bool linux_look(const char *path, struct linux_file *file);

/* Return 0 or -errno. */
int linux_make(const char *path, uint32_t mode);
int linux_symlink(const char *target, const char *path);
int linux_link(const char *from, const char *to);
int linux_rename(const char *from, const char *to);
int linux_remove(const char *path, bool is_dir);
int linux_truncate(const char *path, uint64_t size);

/* Makes [start, end) zeros, as far as the file reaches. Returns 0 or -errno. */
int linux_punch(const char *path, uint64_t start, uint64_t end);

/* Return the number of bytes, or -errno. */
ssize_t linux_write(const char *path, const void *bytes, size_t len, uint64_t offset);
ssize_t linux_read(const char *path, void *bytes, size_t len, uint64_t offset);
ssize_t linux_readlink(const char *path, char *target, size_t size);

/* Returns the first offset from `offset` on where the file has data, or -1. */
int64_t linux_next_data(const char *path, uint64_t offset);

/* Calls `each` for the path of each file in a directory. Returns how many there are. */
unsigned linux_list(const char *path, void (*each)(const char *path));

void linux_print_error(const char *what);
