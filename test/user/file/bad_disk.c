/* Disks that fail: a bad sector, and a disk that does not answer. tools/disks.py makes them. Pagoda
   only, because Linux has no such disks here. */
#include "disk.h"

static void a_bad_sector_is_an_error(void)
{
    const uint64_t bad = DISK_BAD_SECTOR * SECTOR;
    int fd = CHECK_OK(open(disk_find(DISK_BAD), O_RDWR));
    static char bytes[8 * PAGE];

    CHECK_EQ(pread(fd, bytes, PAGE, bad - PAGE), (long)PAGE);
    CHECK_ERR(EIO, pread(fd, bytes, 1, bad));
    CHECK_EQ(pread(fd, bytes, PAGE, bad + PAGE), (long)PAGE);
    /* What comes before the bad page is transferred. */
    CHECK_EQ(pread(fd, bytes, sizeof(bytes), bad - 2 * PAGE), (long)(2 * PAGE));
    disk_drop_cache(fd);
    CHECK_OK(close(fd));
}

static void a_bad_sector_in_a_mapping_is_a_signal(void)
{
    const uint64_t bad = DISK_BAD_SECTOR * SECTOR;
    int fd = CHECK_OK(open(disk_find(DISK_BAD), O_RDWR));
    char *start = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, bad - PAGE);

    CHECK(start != MAP_FAILED);
    CHECK_EQ(peek(start), 0);
    CHECK(dies_by(SIGBUS, read_byte, start + PAGE));
    CHECK(dies_by(SIGBUS, write_byte, start + PAGE));
    CHECK_EQ(peek(start + 2 * PAGE), 0);
    unmap_pages(start, 3);
    CHECK_OK(close(fd));
}

/* The pages before the bad one are read although read-ahead meets it. */
static void read_pages_before_the_bad_one(void *arg __attribute__((unused)))
{
    const uint64_t bad = DISK_BAD_SECTOR * SECTOR / PAGE;
    int fd = CHECK_OK(open(disk_find(DISK_BAD), O_RDWR));
    const volatile char *start = mmap(NULL, (bad + 1) * PAGE, PROT_READ, MAP_SHARED, fd, 0);
    char byte;

    CHECK(start != MAP_FAILED);
    disk_drop_cache(fd);
    for (uint64_t n = bad - 5; n < bad; n++)
        CHECK_EQ(CHECK_OK(pread(fd, &byte, 1, n * PAGE)), 1);
    CHECK_ERR(EIO, pread(fd, &byte, 1, bad * PAGE));
    disk_drop_cache(fd);
    for (uint64_t n = bad - 5; n < bad; n++)
        (void)start[n * PAGE];
}

static void read_ahead_may_meet_a_bad_sector(void)
{
    CHECK(exited_with(wait_child(start_child(read_pages_before_the_bad_one, NULL)), 0));
}

/* A page that is replaced is not read. */
static void a_sector_that_cannot_be_read_is_overwritten(void)
{
    const uint64_t bad = DISK_UNREADABLE_SECTOR * SECTOR;
    static char bytes[PAGE] = "over";
    int fd = CHECK_OK(open(disk_find(DISK_BAD), O_RDWR));

    CHECK_ERR(EIO, pread(fd, bytes, 1, bad));
    CHECK_ERR(EIO, pwrite(fd, bytes, 1, bad));
    CHECK_EQ(pwrite(fd, bytes, PAGE, bad), (long)PAGE);
    CHECK_OK(fsync(fd));
    CHECK_EQ(pread(fd, bytes, PAGE, bad), (long)PAGE);
    CHECK_EQ(strcmp(bytes, "over"), 0);
    CHECK_OK(ioctl(fd, BLKFLSBUF, 0));
    CHECK_ERR(EIO, pread(fd, bytes, 1, bad));
    CHECK_OK(close(fd));
}

/* A part of a page that the program could not move is not made up. */
static void a_part_of_a_sector_that_cannot_be_read_is_not_written(void)
{
    const uint64_t bad = DISK_UNREADABLE_SECTOR * SECTOR;
    int fd = CHECK_OK(open(disk_find(DISK_BAD), O_RDWR));
    char *pages = map_pages(2);

    poke(pages, 'x');
    CHECK_OK(munmap(pages + PAGE, PAGE));
    CHECK_ERR(EIO, pwrite(fd, pages + 1, PAGE, bad));
    CHECK_ERR(EFAULT, pwrite(fd, pages + PAGE, PAGE, bad));
    CHECK_ERR(EIO, pread(fd, pages, 1, bad));
    unmap_pages(pages, 1);
    CHECK_OK(close(fd));
}

static void a_bad_sector_cannot_be_written(void)
{
    static const char bytes[PAGE] = "x";
    int fd = CHECK_OK(open(disk_find(DISK_BAD), O_RDWR));

    CHECK_EQ(pwrite(fd, bytes, PAGE, 0), (long)PAGE);
    CHECK_OK(fsync(fd));
    CHECK_EQ(pwrite(fd, bytes, PAGE, DISK_BAD_SECTOR * SECTOR), (long)PAGE);
    CHECK_ERR(EIO, fsync(fd));
    CHECK_OK(close(fd));
}

/* ---- A disk that does not answer ---- */

#define SOME 3  /* of the requests that a disk can have */
#define MANY 40 /* more than that */

static void read_all_pages(void *arg)
{
    int fd = CHECK_OK(open(arg, O_RDONLY));
    char byte;

    for (uint64_t offset = 0; pread(fd, &byte, 1, offset) == 1; offset += PAGE)
        ;
}

static void touch_all_pages(void *arg)
{
    int fd = CHECK_OK(open(arg, O_RDONLY));
    char *start = mmap(NULL, DISK_LATE * SECTOR, PROT_READ, MAP_SHARED, fd, 0);

    CHECK(start != MAP_FAILED);
    for (uint64_t offset = 0; offset < DISK_LATE * SECTOR; offset += PAGE)
        (void)peek(start + offset);
}

/* The first read may be answered. */
static pid_t start_waiter(const char *path)
{
    static unsigned count;
    pid_t pid = start_child(count++ % 2 ? touch_all_pages : read_all_pages, (void *)path);

    await_state(pid, 'D');
    return pid;
}

static void check_waiters(int count)
{
    const char *path = disk_find(DISK_LATE);
    pid_t waiters[MANY];

    for (int n = 0; n < count; n++)
        waiters[n] = start_waiter(path);
    for (int n = 0; n < count; n++) {
        CHECK_OK(kill(waiters[n], SIGKILL));
        CHECK(killed_by(wait_child(waiters[n]), SIGKILL));
    }
}

static void a_process_that_waits_for_a_disk_can_be_killed(void)
{
    check_waiters(1);
}

static void several_processes_can(void)
{
    check_waiters(SOME);
}

static void more_processes_than_the_disk_has_requests_can(void)
{
    check_waiters(MANY);
}

/* A signal that does not kill is not seen by the wait. */
static void other_signals_wait(void)
{
    pid_t pid = start_waiter(disk_find(DISK_LATE));

    CHECK_OK(kill(pid, SIGCHLD));
    CHECK_OK(kill(pid, SIGSTOP));
    await_state(pid, 'D');
    CHECK_OK(kill(pid, SIGTERM));
    CHECK(killed_by(wait_child(pid), SIGTERM));
}

static void the_audit_finds_what_requests_hold(void)
{
    CHECK_EQ(pagoda_audit(), 0);
}

int main(void)
{
    pagoda_only();
    if (!disk_find(DISK_BAD) || !disk_find(DISK_LATE))
        return TEST_SKIPPED;
    RUN(a_bad_sector_is_an_error);
    RUN(a_bad_sector_in_a_mapping_is_a_signal);
    RUN(read_ahead_may_meet_a_bad_sector);
    RUN(a_sector_that_cannot_be_read_is_overwritten);
    RUN(a_part_of_a_sector_that_cannot_be_read_is_not_written);
    RUN(a_bad_sector_cannot_be_written);
    RUN(a_process_that_waits_for_a_disk_can_be_killed);
    RUN(the_audit_finds_what_requests_hold);
    RUN(several_processes_can);
    RUN(other_signals_wait);
    RUN(more_processes_than_the_disk_has_requests_can);
    RUN(the_audit_finds_what_requests_hold);
    return test_end();
}
