/* The operations that the tests of ext2 do on the mounted image, by paths from its root. */
#pragma once

#include <fs/path.h>
#include "random.h"

extern struct random random_state;

/* Returns a random number below `limit`. */
static inline uint32_t pick(uint32_t limit)
{
    return random_below(&random_state, limit);
}

/* Finds a vnode, and takes a reference on it. */
int our_lookup(const char *path, bool follow, struct vnode **vnode);

/* Reads or writes a regular file. Returns the number of bytes. `buf` may be NULL: then it is a pointer
   that no program has, so nothing is moved. */
ssize_t our_transfer(const char *path, char *buf, size_t len, uint64_t offset, bool is_write);

/* Makes [start, end) of a file a hole. */
int our_punch(const char *path, uint64_t start, uint64_t end);

/* Returns the first offset from `offset` on that is data or a hole (SEEK_DATA, SEEK_HOLE), or
   -errno. */
int64_t our_seek(struct vnode *vnode, uint64_t offset, unsigned whence);

/* Drops the clean pages of a file, so that they are read again. */
int our_drop(const char *path);

int our_truncate(const char *path, uint64_t size);
int our_link(const char *from, const char *to);
int our_sync(const char *path);

/* Unmounts the image. Nothing is in use any more, and nothing in memory is left over. */
void our_unmount(void);

struct block_device;

/* Does a random operation, and ignores the result (ext2.c). */
void operate(void);

/* Damages images for some seconds, beginning with this seed. Returns the exit status (ext2_fuzz.c). */
int fuzz(struct block_device *device, uint64_t first, unsigned seconds);

/* Saves images of crashes, or checks one against its facts. Return 0 (ext2_crash.c). */
int crash_make(struct block_device *device, const char *prefix, unsigned crashes);
int crash_check(struct block_device *device, const char *facts);
