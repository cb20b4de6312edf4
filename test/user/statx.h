/* statx(2), which older versions of musl do not have. */
#pragma once

#include <stdint.h>

struct linux_statx_time {
    int64_t sec;
    uint32_t nsec, spare;
};

struct linux_statx {
    uint32_t mask, blksize;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, spare;
    uint64_t ino, size, blocks, attributes_mask;
    struct linux_statx_time atime, btime, ctime, mtime;
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t spares[14];
};

/* Requests: all that stat(2) has, or nothing. Flags: as stat does, and two that exclude each
   other. */
#define LINUX_STATX_BASIC_STATS  0x7ff
#define LINUX_STATX_RESERVED     0x80000000
#define LINUX_STATX_SYNC_AS_STAT 0
#define LINUX_STATX_SYNC_BOTH    0x6000
