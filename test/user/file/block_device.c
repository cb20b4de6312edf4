/* Disks as files: /dev/vda and its kin, on the scratch disks that tools/disks.py makes. Pagoda
   only, because Linux has no such disks here. */
#include "disk.h"

#include <stdio.h>
#include <sys/sysmacros.h>

#include "failing.h"

static const char *disk; /* the one that is written */

#define FIRST PAGE /* the first page has the mark of the disk */

static int disk_open(int flags)
{
    return CHECK_OK(open(disk, flags));
}

static uint64_t disk_size(int fd)
{
    uint64_t size;

    CHECK_OK(ioctl(fd, BLKGETSIZE64, &size));
    return size;
}

/* Fills a buffer with bytes that depend on their place and on `salt`. */
static void fill(char *bytes, size_t len, uint64_t offset, unsigned salt)
{
    for (size_t n = 0; n < len; n++)
        bytes[n] = (offset + n) * 7 + (offset + n) / 251 + salt;
}

static bool is_filled(const char *bytes, size_t len, uint64_t offset, unsigned salt)
{
    for (size_t n = 0; n < len; n++)
        if (bytes[n] != (char)((offset + n) * 7 + (offset + n) / 251 + salt))
            return false;
    return true;
}

static void write_at(int fd, size_t len, uint64_t offset, unsigned salt)
{
    static char bytes[64 * KIB];

    fill(bytes, len, offset, salt);
    CHECK_EQ(CHECK_OK(pwrite(fd, bytes, len, offset)), (long)len);
}

static void check_at(int fd, size_t len, uint64_t offset, unsigned salt)
{
    static char bytes[64 * KIB];

    memset(bytes, 0, len);
    CHECK_EQ(CHECK_OK(pread(fd, bytes, len, offset)), (long)len);
    CHECK(is_filled(bytes, len, offset, salt));
}

static void a_disk_tells_its_size(void)
{
    int fd = disk_open(O_RDONLY), block, logical, read_only;
    unsigned long sectors;
    struct stat stat;

    CHECK_OK(ioctl(fd, BLKGETSIZE, &sectors));
    CHECK_OK(ioctl(fd, BLKSSZGET, &logical));
    CHECK_OK(ioctl(fd, BLKBSZGET, &block));
    CHECK_OK(ioctl(fd, BLKROGET, &read_only));
    CHECK_EQ(disk_size(fd), sectors * SECTOR);
    CHECK_EQ(lseek(fd, 0, SEEK_END), (long)(sectors * SECTOR));
    CHECK(logical == 512 || logical == 4096);
    CHECK(block >= logical && block <= (int)PAGE);
    CHECK_EQ(read_only, 0);
    CHECK_OK(fstat(fd, &stat));
    CHECK(S_ISBLK(stat.st_mode));
    CHECK_EQ(stat.st_size, 0);
    CHECK_EQ(minor(stat.st_rdev) % 16, 0);
    CHECK_ERR(ENOTTY, ioctl(fd, 0x5401 /* TCGETS */, &stat));
    CHECK_OK(close(fd));
}

static void what_is_written_is_read_back(void)
{
    int fd = disk_open(O_RDWR);

    for (unsigned n = 0; n < 40; n++)
        write_at(fd, PAGE, FIRST + n * 3 * PAGE, n);
    CHECK_OK(fsync(fd));
    disk_drop_cache(fd);
    for (unsigned n = 0; n < 40; n++)
        check_at(fd, PAGE, FIRST + n * 3 * PAGE, n);
    CHECK_OK(close(fd));
}

static void a_long_transfer_is_one_call(void)
{
    int fd = disk_open(O_RDWR);

    write_at(fd, 64 * KIB, MIB, 5);
    disk_drop_cache(fd);
    check_at(fd, 64 * KIB, MIB, 5);
    CHECK_OK(close(fd));
}

static void bytes_are_written_at_odd_offsets(void)
{
    static const struct {
        uint64_t offset;
        size_t len;
    } pieces[] = {{0, 1}, {511, 2}, {4095, 2}, {5000, 4096}, {12289, 10000}, {30000, 1}};
    const uint64_t base = 2 * MIB;
    int fd = disk_open(O_RDWR);

    write_at(fd, 40000, base, 1);
    for (unsigned n = 0; n < ARRAY_SIZE(pieces); n++)
        write_at(fd, pieces[n].len, base + pieces[n].offset, 2);
    disk_drop_cache(fd);
    uint64_t at = 0;
    for (unsigned n = 0; n < ARRAY_SIZE(pieces); n++) {
        check_at(fd, pieces[n].offset - at, base + at, 1);
        check_at(fd, pieces[n].len, base + pieces[n].offset, 2);
        at = pieces[n].offset + pieces[n].len;
    }
    check_at(fd, 40000 - at, base + at, 1);
    CHECK_OK(close(fd));
}

static void a_disk_ends(void)
{
    int fd = disk_open(O_RDWR);
    uint64_t size = disk_size(fd);
    char bytes[2000];

    write_at(fd, 1000, size - 1000, 3);
    disk_drop_cache(fd);
    check_at(fd, 1000, size - 1000, 3);
    CHECK_EQ(pread(fd, bytes, sizeof(bytes), size - 1000), 1000);
    CHECK_EQ(pread(fd, bytes, sizeof(bytes), size), 0);
    CHECK_EQ(pread(fd, bytes, sizeof(bytes), size + 100000), 0);
    fill(bytes, sizeof(bytes), size - 1000, 4);
    CHECK_EQ(pwrite(fd, bytes, sizeof(bytes), size - 1000), 1000);
    CHECK_ERR(ENOSPC, pwrite(fd, bytes, 1, size));
    CHECK_EQ(pwrite(fd, bytes, 0, size), 0);
    CHECK_EQ(lseek(fd, size, SEEK_SET), (long)size);
    CHECK_ERR(EINVAL, lseek(fd, size + 1, SEEK_SET));
    CHECK_ERR(EINVAL, lseek(fd, -1, SEEK_SET));
    CHECK_ERR(EINVAL, pread(fd, bytes, 1, -1));
    CHECK_ERR(EINVAL, ftruncate(fd, 0));
    disk_drop_cache(fd);
    check_at(fd, 1000, size - 1000, 4);
    CHECK_OK(close(fd));
}

static void a_bad_pointer_is_an_error(void)
{
    int fd = disk_open(O_RDWR);
    char *hole = map_hole(1);

    write_at(fd, PAGE, FIRST, 1);
    CHECK_ERR(EFAULT, pread(fd, hole, PAGE, FIRST));
    CHECK_ERR(EFAULT, pwrite(fd, hole, PAGE, FIRST));
    check_at(fd, PAGE, FIRST, 1);
    CHECK_ERR(EFAULT, ioctl(fd, BLKGETSIZE64, hole));
    CHECK_ERR(EFAULT, ioctl(fd, BLKDISCARD, hole));
    CHECK_OK(close(fd));
}

static void direct_access_is_refused(void)
{
    CHECK_ERR(EINVAL, open(disk, O_RDONLY | O_DIRECT));
}

/* Each process has a range of its own, and writes and checks pieces of it in a random order. */
#define PROCESSES 4
#define RANGE     (MIB / 2)

static void use_range(void *arg)
{
    unsigned number = *(unsigned *)arg;
    uint64_t base = 4 * MIB + number * RANGE, state = number + 1;
    int fd = disk_open(O_RDWR);

    for (unsigned n = 0; n < 60; n++) {
        size_t len = 1 + random_below(&state, 20000);
        uint64_t offset = base + random_below(&state, RANGE - len);
        write_at(fd, len, offset, n);
        check_at(fd, len, offset, n);
    }
    write_at(fd, 64 * KIB, base, number);
    CHECK_OK(fdatasync(fd));
    CHECK_OK(close(fd));
}

static void processes_use_a_disk_at_once(void)
{
    static unsigned numbers[PROCESSES];
    pid_t children[PROCESSES];

    for (unsigned n = 0; n < PROCESSES; n++) {
        numbers[n] = n;
        children[n] = start_child(use_range, &numbers[n]);
    }
    for (unsigned n = 0; n < PROCESSES; n++)
        CHECK(exited_with(wait_child(children[n]), 0));
    int fd = disk_open(O_RDWR);
    disk_drop_cache(fd);
    for (unsigned n = 0; n < PROCESSES; n++)
        check_at(fd, 64 * KIB, 4 * MIB + n * RANGE, n);
    CHECK_OK(close(fd));
}

static void neighbours_write_parts_of_one_sector(void)
{
    const uint64_t base = 7 * MIB;
    int fd = disk_open(O_RDWR);
    pid_t children[PROCESSES];

    for (unsigned n = 0; n < PROCESSES; n++) {
        children[n] = CHECK_OK(fork());
        if (children[n] == 0) {
            for (unsigned i = 0; i < 32; i++)
                write_at(fd, 3, base + (i * PROCESSES + n) * 3, n);
            _exit(0);
        }
    }
    for (unsigned n = 0; n < PROCESSES; n++)
        CHECK(exited_with(wait_child(children[n]), 0));
    disk_drop_cache(fd);
    for (unsigned i = 0; i < 32; i++)
        for (unsigned n = 0; n < PROCESSES; n++)
            check_at(fd, 3, base + (i * PROCESSES + n) * 3, n);
    CHECK_OK(close(fd));
}

static void a_discard_spares_the_neighbours(void)
{
    const uint64_t base = 6 * MIB;
    int fd = disk_open(O_RDWR);
    uint64_t range[2] = {base + PAGE, 4 * PAGE};

    write_at(fd, 6 * PAGE, base, 9);
    CHECK_OK(ioctl(fd, BLKDISCARD, range));
    disk_drop_cache(fd);
    check_at(fd, PAGE, base, 9);
    check_at(fd, PAGE, base + 5 * PAGE, 9);
    range[0]++;
    CHECK_ERR(EINVAL, ioctl(fd, BLKDISCARD, range));
    range[0] = disk_size(fd);
    CHECK_ERR(EINVAL, ioctl(fd, BLKDISCARD, range));
    CHECK_OK(close(fd));
    fd = disk_open(O_RDONLY);
    range[0] = base;
    CHECK_ERR(EBADF, ioctl(fd, BLKDISCARD, range));
    CHECK_OK(close(fd));
}

static void a_read_only_disk_is_not_written(void)
{
    const char *path = disk_find(DISK_READ_ONLY);
    char byte;

    if (!path) {
        note("there is no such disk");
        return;
    }
    int fd = CHECK_OK(open(path, O_RDWR)), read_only;
    CHECK_OK(ioctl(fd, BLKROGET, &read_only));
    CHECK_EQ(read_only, 1);
    CHECK_EQ(pread(fd, &byte, 1, 0), 1);
    CHECK_ERR(EPERM, pwrite(fd, &byte, 1, 0));
    uint64_t range[2] = {0, PAGE};
    CHECK_ERR(EPERM, ioctl(fd, BLKDISCARD, range));
    disk_drop_cache(fd);
    CHECK_OK(close(fd));
}

/* Makes the nth request to a disk fail. */
static void fail_io(unsigned nth)
{
    char text[16];
    int fd = CHECK_OK(open("/proc/self/fail-io", O_RDWR));

    CHECK_OK(write(fd, text, snprintf(text, sizeof(text), "%u\n", nth)));
    CHECK_OK(close(fd));
}

static void read_number(const char *line, void *number)
{
    *(int *)number = atoi(line);
}

static void a_request_fails_when_a_test_asks_for_it(void)
{
    int fd = disk_open(O_RDWR);
    char byte;

    write_at(fd, PAGE, FIRST, 1);
    disk_drop_cache(fd);
    fail_io(1);
    CHECK_ERR(EIO, pread(fd, &byte, 1, FIRST));
    check_at(fd, PAGE, FIRST, 1);
    CHECK_OK(close(fd));
}

static void a_failed_write_back_is_told_to_each_open_file(void)
{
    int fd = disk_open(O_RDWR), other = disk_open(O_RDWR);

    write_at(fd, PAGE, FIRST, 7);
    fail_io(1);
    CHECK_ERR(EIO, fsync(fd));
    CHECK_ERR(EIO, fsync(other));
    CHECK_OK(fsync(fd)); /* the page counts as clean */
    CHECK_OK(fsync(other));
    check_at(fd, PAGE, FIRST, 7);
    write_at(fd, PAGE, FIRST, 7);
    CHECK_OK(fsync(fd));
    disk_drop_cache(fd);
    check_at(fd, PAGE, FIRST, 7);
    CHECK_OK(close(fd));
    CHECK_OK(close(other));
}

/* Uses the disk while its nth request fails. Every error is EIO. Exits with 0 if there were fewer
   requests, and with 2 otherwise. */
static void use_while_one_fails(void *arg)
{
    static char bytes[8 * PAGE];
    int fd = disk_open(O_RDWR), left = 0;

    fail_io(*(unsigned *)arg);
    fill(bytes, sizeof(bytes), MIB, 1);
    CHECK(pwrite(fd, bytes, sizeof(bytes), MIB) > 0 || errno == EIO);
    CHECK(fsync(fd) == 0 || errno == EIO);
    CHECK(ioctl(fd, BLKFLSBUF, 0) == 0 || errno == EIO);
    CHECK(pread(fd, bytes, sizeof(bytes), MIB) > 0 || errno == EIO);
    CHECK_OK(close(fd));
    CHECK(each_line("/proc/self/fail-io", read_number, &left));
    _exit(left ? 0 : 2);
}

static void each_request_fails_once(void)
{
    int fd = disk_open(O_RDWR), status;
    unsigned nth = 0;

    do {
        disk_drop_cache(fd);
        nth++;
        status = in_child(use_while_one_fails, &nth);
        CHECK(WIFEXITED(status));
        (void)!fsync(fd); /* reports what has failed */
        write_at(fd, 8 * PAGE, MIB, 2);
        CHECK_OK(fsync(fd));
        disk_drop_cache(fd);
        check_at(fd, 8 * PAGE, MIB, 2);
    } while (WEXITSTATUS(status) == 2);
    CHECK_EQ(WEXITSTATUS(status), 0);
    CHECK(nth > 4);
    CHECK_OK(close(fd));
}

/* ---- Mappings ---- */

static char *map_disk(int fd, int prot, uint64_t offset, size_t len)
{
    char *start = mmap(NULL, len, prot, MAP_SHARED, fd, offset);

    CHECK(start != MAP_FAILED);
    return start;
}

static void a_mapping_shows_the_disk(void)
{
    int fd = disk_open(O_RDWR);

    write_at(fd, 4 * PAGE, MIB, 11);
    disk_drop_cache(fd);
    char *start = map_disk(fd, PROT_READ, MIB, 4 * PAGE);
    CHECK(is_filled(start, 4 * PAGE, MIB, 11));
    unmap_pages(start, 4);
    CHECK_OK(close(fd));
}

static void a_write_through_a_mapping_reaches_the_disk(void)
{
    int fd = disk_open(O_RDWR);
    char *start = map_disk(fd, PROT_READ | PROT_WRITE, MIB, 4 * PAGE);

    fill(start, 4 * PAGE, MIB, 12);
    CHECK_OK(msync(start, 4 * PAGE, MS_SYNC));
    unmap_pages(start, 4);
    disk_drop_cache(fd);
    check_at(fd, 4 * PAGE, MIB, 12);
    CHECK_OK(close(fd));
}

static void a_mapped_page_stays_when_the_cache_is_dropped(void)
{
    int fd = disk_open(O_RDWR);
    char *start = map_disk(fd, PROT_READ | PROT_WRITE, MIB, PAGE);

    poke(start, 1);
    disk_drop_cache(fd);
    poke(start, 2);
    unmap_pages(start, 1);
    char byte;
    CHECK_EQ(pread(fd, &byte, 1, MIB), 1);
    CHECK_EQ(byte, 2);
    disk_drop_cache(fd);
    CHECK_EQ(pread(fd, &byte, 1, MIB), 1);
    CHECK_EQ(byte, 2);
    CHECK_OK(close(fd));
}

static void behind_the_last_page_there_is_nothing(void)
{
    int fd = disk_open(O_RDONLY);
    uint64_t size = disk_size(fd), last = (size - 1) / PAGE * PAGE;
    char *start = map_disk(fd, PROT_READ, last, 2 * PAGE);

    CHECK(is_zero(start + (size - last), last + PAGE - size));
    CHECK(dies_by(SIGBUS, read_byte, start + PAGE));
    unmap_pages(start, 2);
    CHECK_OK(close(fd));
}

static void a_read_only_disk_is_not_written_through_a_mapping(void)
{
    const char *path = disk_find(DISK_READ_ONLY);

    if (!path) {
        note("there is no such disk");
        return;
    }
    int fd = CHECK_OK(open(path, O_RDWR));
    char *start = map_disk(fd, PROT_READ | PROT_WRITE, 0, PAGE);
    CHECK_EQ(peek(start), 's');
    CHECK(dies_by(SIGBUS, write_byte, start));
    unmap_pages(start, 1);
    disk_drop_cache(fd);
    CHECK_OK(close(fd));
}

/* A child's count goes on where that of its parent is. */
static void read_until_it_fails(void *arg)
{
    int fd = disk_open(O_RDONLY), reads = 0;
    char byte;

    while (pread(fd, &byte, 1, FIRST + (64 + reads) * 16 * PAGE) == 1)
        reads++;
    CHECK_EQ(errno, EIO);
    CHECK(reads > 0 && reads < *(int *)arg);
    CHECK_OK(close(fd));
}

static void a_child_inherits_the_count_of_requests(void)
{
    int most = 3, fd = disk_open(O_RDONLY);

    disk_drop_cache(fd);
    fail_io(most);
    CHECK(exits_with(0, read_until_it_fails, &most));
    fail_io(0);
    CHECK_OK(close(fd));
}

static void a_disk_has_no_seals(void)
{
    int fd = disk_open(O_RDWR);

    CHECK_ERR(EINVAL, fcntl(fd, F_GET_SEALS));
    CHECK_ERR(EINVAL, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    CHECK_OK(close(fd));
}

/* Leaves nothing in the cache. */
static void the_cache_can_be_dropped(void)
{
    int fd = disk_open(O_RDWR);

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
    RUN(a_disk_tells_its_size);
    RUN(what_is_written_is_read_back);
    RUN(a_long_transfer_is_one_call);
    RUN(bytes_are_written_at_odd_offsets);
    RUN(a_disk_ends);
    RUN(a_bad_pointer_is_an_error);
    RUN(direct_access_is_refused);
    RUN(processes_use_a_disk_at_once);
    RUN(neighbours_write_parts_of_one_sector);
    RUN(a_discard_spares_the_neighbours);
    RUN(a_read_only_disk_is_not_written);
    RUN(a_request_fails_when_a_test_asks_for_it);
    RUN(a_child_inherits_the_count_of_requests);
    RUN(a_failed_write_back_is_told_to_each_open_file);
    RUN(each_request_fails_once);
    RUN(a_mapping_shows_the_disk);
    RUN(a_write_through_a_mapping_reaches_the_disk);
    RUN(a_mapped_page_stays_when_the_cache_is_dropped);
    RUN(behind_the_last_page_there_is_nothing);
    RUN(a_read_only_disk_is_not_written_through_a_mapping);
    RUN(a_disk_has_no_seals);
    RUN(the_cache_can_be_dropped);
    disk_write_back_every(500);
    return test_end();
}
