#include "disk.h"

#include <stdio.h>

#include "procfile.h"

/* What the writable scratch disks begin with. */
static const char mark[] = "scratch disk of Pagoda's tests\n";

static uint64_t size_of(const char *path)
{
    uint64_t size = 0;
    int fd = open(path, O_RDONLY);

    if (fd < 0)
        return 0;
    CHECK_OK(ioctl(fd, BLKGETSIZE64, &size));
    CHECK_OK(close(fd));
    return size;
}

const char *disk_find(enum disk_kind kind)
{
    static const char *const paths[] = {"/dev/vda", "/dev/vdb", "/dev/vdc", "/dev/vdd",
                                        "/dev/vde", "/dev/vdf", "/dev/vdg", "/dev/vdh"};

    for (unsigned n = 0; n < ARRAY_SIZE(paths); n++)
        if (size_of(paths[n]) == kind * SECTOR)
            return paths[n];
    return NULL;
}

static bool has_mark(const char *path)
{
    char start[sizeof(mark) - 1];
    int fd = CHECK_OK(open(path, O_RDONLY));
    bool is_scratch = CHECK_OK(read(fd, start, sizeof(start))) == sizeof(start) &&
                      memcmp(start, mark, sizeof(start)) == 0;

    CHECK_OK(close(fd));
    return is_scratch;
}

const char *disk_writable(void)
{
    static const enum disk_kind kinds[] = {DISK_WRITABLE, DISK_SECOND, DISK_LARGE_BLOCKS};

    for (unsigned n = 0; n < ARRAY_SIZE(kinds); n++) {
        const char *path = disk_find(kinds[n]);
        if (path && has_mark(path))
            return path;
    }
    return NULL;
}

void disk_drop_cache(int fd)
{
    CHECK_OK(ioctl(fd, BLKFLSBUF, 0));
}

long disk_dirty_pages(void)
{
    const char name[] = "nr_dirty ";
    char *text;

    proc_text("/proc/vmstat", &text);
    const char *found = strstr(text, name);
    CHECK(found);
    return strtol(found + sizeof(name) - 1, NULL, 10);
}

void disk_write_back_every(unsigned centisecs)
{
    int fd = CHECK_OK(open("/proc/sys/vm/dirty_writeback_centisecs", O_WRONLY));
    char text[16];

    CHECK_OK(write(fd, text, snprintf(text, sizeof(text), "%u\n", centisecs)));
    CHECK_OK(close(fd));
}

/* A read of a page behind the file system sets the mode. A page is read only once, because it is in
   memory then. */
void disk_switch(int fd, enum disk_mode mode)
{
    static unsigned count;
    const off_t place = 32768 * SECTOR + (DISK_MODES * count++ + mode) * PAGE;
    char byte;

    CHECK(count <= 40);
    CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM), 0); /* no page is read ahead */
    CHECK_EQ(pread(fd, &byte, 1, place), 1);
}
