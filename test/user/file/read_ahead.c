/* Read-ahead, advice on it, and clean pages that are given up, on a scratch disk. /proc/vmstat says
   how much has been read. Pagoda only. */
#include "disk.h"

#include <stdio.h>

static int disk_fd;

/* Returns how many pages of disks have been read since the last call. */
static long pages_read(void)
{
    static long before;
    long now = number_in("/proc/vmstat", "pgpgin") / (long)(PAGE / KIB), count = now - before;

    before = now;
    return count;
}

static void drop_cache(void)
{
    disk_drop_cache(disk_fd);
    (void)pages_read();
}

/* Opens the disk anew, so that its reader is new, and drops its cache. */
static int fresh_open(void)
{
    char path[64], name[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", disk_fd);
    long len = CHECK_OK(readlink(path, name, sizeof(name) - 1));
    name[len] = '\0';
    drop_cache();
    return CHECK_OK(open(name, O_RDWR));
}

/* Reads a byte of a page, and returns how many pages that cost. */
static long cost_of(int fd, uint64_t page)
{
    char byte;

    CHECK_EQ(CHECK_OK(pread(fd, &byte, 1, page * PAGE)), 1);
    return pages_read();
}

/* ---- Reading ---- */

static void a_reader_in_order_reads_more_each_time(void)
{
    int fd = fresh_open();
    static const long windows[] = {4, 8, 16, 32, 32};
    uint64_t page = 0;

    for (size_t n = 0; n < ARRAY_SIZE(windows); n++) {
        CHECK_EQ(cost_of(fd, page++), windows[n]);
        for (long i = 1; i < windows[n]; i++)
            CHECK_EQ(cost_of(fd, page++), 0);
    }
    CHECK_OK(close(fd));
}

static void a_reader_that_jumps_reads_what_it_asks_for(void)
{
    int fd = fresh_open();
    char bytes[3 * PAGE];

    CHECK_EQ(cost_of(fd, 100), 1);
    CHECK_EQ(cost_of(fd, 50), 1);
    CHECK_EQ(cost_of(fd, 700), 1);
    CHECK_EQ(CHECK_OK(pread(fd, bytes, sizeof(bytes), 300 * PAGE)), (long)sizeof(bytes));
    CHECK_EQ(pages_read(), 3);
    CHECK_EQ(cost_of(fd, 303), 4);
    CHECK_EQ(cost_of(fd, 307), 8);
    CHECK_EQ(cost_of(fd, 500), 1);
    CHECK_EQ(cost_of(fd, 501), 4);
    CHECK_OK(close(fd));
}

static void the_end_of_a_disk_ends_the_window(void)
{
    int fd = fresh_open();
    uint64_t last = (CHECK_OK(lseek(fd, 0, SEEK_END)) - 1) / PAGE;

    CHECK_EQ(cost_of(fd, last - 2), 1);
    (void)cost_of(fd, last - 1);
    CHECK_EQ(cost_of(fd, last), 0);
    CHECK_OK(close(fd));
}

static void faults_in_order_read_ahead(void)
{
    int fd = fresh_open();
    const volatile char *start = mmap(NULL, 256 * PAGE, PROT_READ, MAP_SHARED, fd, 0);

    CHECK(start != MAP_FAILED);
    (void)start[200 * PAGE];
    CHECK_EQ(pages_read(), 1);
    (void)start[50 * PAGE];
    CHECK_EQ(pages_read(), 1);
    (void)start[51 * PAGE];
    CHECK_EQ(pages_read(), 4);
    for (int n = 52; n < 55; n++)
        (void)start[n * PAGE];
    CHECK_EQ(pages_read(), 0);
    (void)start[55 * PAGE];
    CHECK_EQ(pages_read(), 8);
    (void)start[120 * PAGE];
    CHECK_EQ(pages_read(), 1);
    CHECK_OK(munmap((void *)start, 256 * PAGE));
    CHECK_OK(close(fd));
}

/* ---- Advice ---- */

static void advice_changes_the_window(void)
{
    int fd = fresh_open();

    CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM), 0);
    for (int n = 0; n < 10; n++)
        CHECK_EQ(cost_of(fd, n), 1);
    CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL), 0);
    CHECK_EQ(cost_of(fd, 10), 32);
    CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_NORMAL), 0);
    CHECK_EQ(cost_of(fd, 900), 1);
    CHECK_OK(close(fd));
}

static void pages_that_will_be_needed_are_read(void)
{
    int fd = fresh_open();

    CHECK_EQ(cost_of(fd, 65), 1);
    CHECK_EQ(posix_fadvise(fd, 60 * PAGE, 40 * PAGE, POSIX_FADV_WILLNEED), 0);
    CHECK_EQ(pages_read(), 39);
    for (int n = 60; n < 100; n++)
        CHECK_EQ(cost_of(fd, n), 0);
    CHECK_OK(readahead(fd, 100 * PAGE + 1, PAGE));
    CHECK_EQ(pages_read(), 2);
    CHECK_OK(close(fd));
}

static void pages_that_are_not_needed_are_dropped(void)
{
    int fd = fresh_open();

    CHECK_EQ(CHECK_OK(pwrite(fd, "x", 1, 41 * PAGE)), 1);
    CHECK_EQ(posix_fadvise(fd, 40 * PAGE, 10 * PAGE, POSIX_FADV_WILLNEED), 0);
    (void)pages_read();
    CHECK_EQ(posix_fadvise(fd, 40 * PAGE, 5 * PAGE + 1, POSIX_FADV_DONTNEED), 0);
    for (int n = 45; n < 50; n++)
        CHECK_EQ(cost_of(fd, n), 0);
    CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM), 0);
    for (int n = 40; n < 45; n++)
        CHECK_EQ(cost_of(fd, n), 1);
    char byte;
    CHECK_EQ(CHECK_OK(pread(fd, &byte, 1, 41 * PAGE)), 1);
    CHECK_EQ(byte, 'x');
    CHECK_OK(close(fd));
}

/* ---- Giving up ---- */

static void write_setting(const char *path, const char *text)
{
    int fd = CHECK_OK(open(path, O_WRONLY));

    CHECK_OK(write(fd, text, strlen(text)));
    CHECK_OK(close(fd));
}

static void clean_pages_are_dropped_on_request(void)
{
    int fd = fresh_open();
    const volatile char *start = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 30 * PAGE);

    CHECK(start != MAP_FAILED);
    (void)start[0];
    CHECK_EQ(pages_read(), 1);
    CHECK_EQ(cost_of(fd, 10), 1);
    write_setting("/proc/sys/vm/drop_caches", "1\n");
    CHECK_EQ(cost_of(fd, 30), 0); /* it is mapped */
    CHECK_EQ(cost_of(fd, 10), 1);
    write_setting("/proc/sys/vm/drop_caches", "2\n");
    CHECK_EQ(cost_of(fd, 10), 0);
    int settings = CHECK_OK(open("/proc/sys/vm/drop_caches", O_WRONLY));
    CHECK_ERR(EINVAL, write(settings, "0\n", 2));
    CHECK_ERR(EINVAL, write(settings, "5\n", 2));
    CHECK_ERR(EINVAL, write(settings, "all\n", 4));
    CHECK_OK(close(settings));
    CHECK_OK(munmap((void *)start, 2 * PAGE));
    CHECK_OK(close(fd));
}

static void read_all(int fd)
{
    static char bytes[64 * KIB];

    CHECK_OK(lseek(fd, 0, SEEK_SET));
    while (CHECK_OK(read(fd, bytes, sizeof(bytes))) > 0)
        ;
}

static void use_memory(void *arg)
{
    size_t len = *(const long *)arg;
    char *start = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(start != MAP_FAILED);
    for (size_t n = 0; n < len; n += PAGE)
        start[n] = 1;
}

/* The child needs more than is free, and less than there is with the pages of the disk. */
static void a_process_gets_the_memory_of_clean_pages(void)
{
    int fd = fresh_open();

    read_all(fd);
    long cached = number_in("/proc/meminfo", "Cached");
    long len = (number_in("/proc/meminfo", "MemFree") + 4096) * 1024;
    CHECK(number_in("/proc/meminfo", "MemAvailable") * 1024 > len);
    CHECK(exited_with(wait_child(start_child(use_memory, &len)), 0));
    CHECK(number_in("/proc/meminfo", "Cached") < cached);
    CHECK_OK(close(fd));
}

/* Leaves nothing in the cache. */
static void the_cache_can_be_dropped(void)
{
    drop_cache();
    CHECK_OK(close(disk_fd));
}

int main(void)
{
    pagoda_only();
    const char *disk = disk_writable();
    if (!disk)
        return TEST_SKIPPED;
    disk_fd = CHECK_OK(open(disk, O_RDWR));
    RUN(a_reader_in_order_reads_more_each_time);
    RUN(a_reader_that_jumps_reads_what_it_asks_for);
    RUN(the_end_of_a_disk_ends_the_window);
    RUN(faults_in_order_read_ahead);
    RUN(advice_changes_the_window);
    RUN(pages_that_will_be_needed_are_read);
    RUN(pages_that_are_not_needed_are_dropped);
    RUN(clean_pages_are_dropped_on_request);
    RUN(a_process_gets_the_memory_of_clean_pages);
    RUN(the_cache_can_be_dropped);
    return test_end();
}
