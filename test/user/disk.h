/* The scratch disks of the tests. tools/disks.py makes them, and gives each kind a size of its
   own, which no other disk has. Pagoda only. */
#pragma once

#include "test.h"

#include <sys/ioctl.h>
#include <sys/mount.h>

#ifndef BLKDISCARD
#define BLKDISCARD _IO(0x12, 119)
#endif

/* The kinds; their values are their sizes in sectors of 512 bytes. */
enum disk_kind {
    DISK_WRITABLE = 32775,
    DISK_SECOND = 32783,
    DISK_READ_ONLY = 2051,
    DISK_BAD = 2053,  /* transfers of sector DISK_BAD_SECTOR fail, reads of the unreadable one */
    DISK_LATE = 2057, /* it carries out one request, and no other */
    DISK_LARGE_BLOCKS = 32792,
    DISK_EXT2 = 32802,     /* it has an ext2, with blocks of 1 KiB */
    DISK_LYING = 2063,     /* tools/user_disk.py */
    DISK_SWITCHED = 34058, /* tools/user_disk.py; it has an ext2, with blocks of 1 KiB */
    DISK_RECORDED = 16451, /* recorded.h */
};

#define SECTOR                 512UL
#define DISK_BAD_SECTOR        1024UL
#define DISK_UNREADABLE_SECTOR 256UL

/* The first sectors of DISK_LYING for which a request is not answered, and answered by a lie. */
#define DISK_HELD_SECTOR    512UL
#define DISK_TRIGGER_SECTOR 1024UL

/* The modes of DISK_SWITCHED. */
enum disk_mode {
    DISK_WORKS,       /* it carries out what it has held, and then all requests at once */
    DISK_FAILS,       /* it fails all writes and flushes */
    DISK_HOLDS,       /* it holds all requests */
    DISK_HOLDS_WRITE, /* it holds the next write, and no other request */
    DISK_MODES,
};

/* Sets the mode of DISK_SWITCHED, which `fd` has open; at most 40 times in a program. */
void disk_switch(int fd, enum disk_mode mode);

/* Returns the path of the first disk of a kind, or NULL if the machine has none. */
const char *disk_find(enum disk_kind kind);

/* Returns the path of a disk that may be written behind its first page, or NULL. */
const char *disk_writable(void);

/* Writes and drops the cache of an open disk, so that the next read comes from the device. */
void disk_drop_cache(int fd);

/* Returns how many pages of files on disks are dirty. */
long disk_dirty_pages(void);

/* Sets the time between two rounds of write-back, in hundredths of a second; 0: there are none. A
   program that sets it sets it to 500 again. */
void disk_write_back_every(unsigned centisecs);
