/* Dirty pages of disks: how they are counted, and what a program meets that dirties more than may
   be. Pagoda only, on a scratch disk. */
#include "disk.h"

#include <sched.h>

static const char *disk; /* the one that is written */

#define FIRST PAGE /* the first page has the mark of the disk */

/* ---- Numbers ---- */

static long dirty_pages(void)
{
    return number_in("/proc/vmstat", "nr_dirty");
}

static long waiting_pages(void)
{
    return dirty_pages() + number_in("/proc/vmstat", "nr_writeback");
}

/* Returns how many pages may be dirty, or a little more. */
static long most_dirty_pages(void)
{
    return (number_in("/proc/meminfo", "MemFree") + number_in("/proc/meminfo", "Cached")) / 4 / 5;
}

/* ---- The disk ---- */

static int disk_open(void)
{
    return CHECK_OK(open(disk, O_RDWR));
}

static uint64_t disk_pages(int fd)
{
    return CHECK_OK(lseek(fd, 0, SEEK_END)) / PAGE;
}

static void write_pages(int fd, uint64_t first, uint64_t count, char byte)
{
    static char bytes[16 * PAGE];

    memset(bytes, byte, sizeof(bytes));
    while (count > 0) {
        uint64_t n = count < 16 ? count : 16;

        CHECK_EQ(CHECK_OK(pwrite(fd, bytes, n * PAGE, first * PAGE)), (long)(n * PAGE));
        first += n;
        count -= n;
    }
}

static bool page_is(int fd, uint64_t index, char byte)
{
    char bytes[PAGE];

    CHECK_EQ(CHECK_OK(pread(fd, bytes, PAGE, index * PAGE)), (long)PAGE);
    for (size_t n = 0; n < PAGE; n++)
        if (bytes[n] != byte)
            return false;
    return true;
}

/* ---- Counting ---- */

static void written_pages_are_dirty_until_fsync(void)
{
    int fd = disk_open();

    CHECK_OK(fsync(fd));
    long before = dirty_pages();
    write_pages(fd, 1, 5, 1);
    write_pages(fd, 2, 2, 2);
    CHECK_EQ(dirty_pages(), before + 5);
    CHECK(number_in("/proc/meminfo", "Dirty") >= 5 * 4);
    CHECK_OK(fsync(fd));
    CHECK_EQ(dirty_pages(), before);
    CHECK_OK(close(fd));
}

static void pages_written_through_a_mapping_are_dirty(void)
{
    int fd = disk_open();
    char *start = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, FIRST);

    CHECK(start != MAP_FAILED);
    CHECK_OK(fsync(fd));
    long before = dirty_pages();
    start[0] = start[2 * PAGE] = 1;
    CHECK_EQ(dirty_pages(), before + 2);
    CHECK_OK(msync(start, 4 * PAGE, MS_SYNC));
    CHECK_EQ(dirty_pages(), before);
    start[0] = 2;
    CHECK_EQ(dirty_pages(), before + 1);
    CHECK_OK(munmap(start, 4 * PAGE));
    CHECK_OK(fsync(fd));
    CHECK_EQ(dirty_pages(), before);
    CHECK_OK(close(fd));
}

static void pages_are_written_after_a_while(void)
{
    int fd = disk_open();

    CHECK_OK(fsync(fd));
    long before = dirty_pages();
    write_pages(fd, 1, 3, 7);
    CHECK_EQ(dirty_pages(), before + 3);
    disk_write_back_every(10);
    while (waiting_pages() > before)
        CHECK_OK(sched_yield());
    disk_write_back_every(0);
    disk_drop_cache(fd);
    CHECK(page_is(fd, 3, 7));
    CHECK_OK(close(fd));
}

static void sync_writes_all_pages(void)
{
    int fd = disk_open();

    write_pages(fd, 1, 3, 8);
    sync();
    CHECK_EQ(waiting_pages(), 0);
    CHECK_OK(close(fd));
}

/* ---- The limit ---- */

/* The slack is for the other threads of the machine. */
static void a_writer_does_not_go_beyond_the_limit(void)
{
    int fd = disk_open();
    uint64_t count = disk_pages(fd) - 1;

    CHECK_OK(fsync(fd));
    for (uint64_t n = 1; n < count; n += 64) {
        write_pages(fd, n, count - n < 64 ? count - n : 64, (char)(n / 64));
        CHECK(waiting_pages() <= most_dirty_pages() + 64);
    }
    disk_drop_cache(fd);
    for (uint64_t n = 1; n < count; n += 64)
        CHECK(page_is(fd, n, (char)(n / 64)));
    disk_drop_cache(fd);
    CHECK_OK(close(fd));
}

static void nor_does_a_writer_through_a_mapping(void)
{
    int fd = disk_open();
    uint64_t count = disk_pages(fd) - 1;
    char *start = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, FIRST);

    CHECK(start != MAP_FAILED);
    CHECK_OK(fsync(fd));
    for (uint64_t n = 0; n < count; n++) {
        memset(start + n * PAGE, (char)(n / 3), PAGE);
        if (n % 64 == 0)
            CHECK(waiting_pages() <= most_dirty_pages() + 64);
    }
    CHECK_OK(munmap(start, count * PAGE));
    disk_drop_cache(fd);
    for (uint64_t n = 0; n < count; n += 61)
        CHECK(page_is(fd, n + 1, (char)(n / 3)));
    disk_drop_cache(fd);
    CHECK_OK(close(fd));
}

/* Several processes write parts of their own. */
static void nor_do_several_writers(void)
{
    enum { WRITERS = 4 };
    int fd = disk_open();
    uint64_t part = (disk_pages(fd) - 1) / WRITERS;
    pid_t pids[WRITERS];

    for (int n = 0; n < WRITERS; n++) {
        pids[n] = CHECK_OK(fork());
        if (pids[n] == 0) {
            write_pages(fd, 1 + n * part, part, 'a' + n);
            _exit(0);
        }
    }
    for (int n = 0; n < WRITERS; n++)
        CHECK_EQ(wait_child(pids[n]), 0);
    CHECK(waiting_pages() <= most_dirty_pages() + 64);
    disk_drop_cache(fd);
    for (int n = 0; n < WRITERS; n++)
        CHECK(page_is(fd, 1 + n * part, 'a' + n) && page_is(fd, (n + 1) * part, 'a' + n));
    disk_drop_cache(fd);
    CHECK_OK(close(fd));
}

int main(void)
{
    pagoda_only();
    disk = disk_writable();
    if (!disk)
        return TEST_SKIPPED;
    disk_write_back_every(0); /* so that pages stay dirty, and the requests are those of the test */
    RUN(written_pages_are_dirty_until_fsync);
    RUN(pages_written_through_a_mapping_are_dirty);
    RUN(pages_are_written_after_a_while);
    RUN(sync_writes_all_pages);
    RUN(a_writer_does_not_go_beyond_the_limit);
    RUN(nor_does_a_writer_through_a_mapping);
    RUN(nor_do_several_writers);
    disk_write_back_every(500);
    return test_end();
}
