/* A disk in memory, for the tests of ext2: the functions of dev/block.h that kernel/ext2 uses. */
#pragma once

#include <dev/block.h>

/* Makes a disk of the contents of a file. Ends the program if it cannot be read. */
struct block_device *disk_open(const char *path);

/* Writes bytes, as many as the disk has, to a file. */
void disk_save(const char *path, const char *bytes);

/* Makes the contents those of the file again. */
void disk_restore(void);

extern char *disk_bytes;
extern size_t disk_size;

/* Makes the n-th transfer from now on fail with -EIO; 0: none. */
void disk_fail_at(unsigned nth);
bool disk_has_failed(void); /* since disk_fail_at */

/* Called before each write and flush (part == NULL), for the tests of crashes. NULL: no call. */
extern void (*disk_write_hook)(const struct block_part *part);
