/* Write-back of pages that programs have written through mappings: once a page is written back, the
   next write to it is seen again. A program sees this by the times of the file. On Linux it holds
   for file systems on a disk. */
#include "plain_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define RW     (PROT_READ | PROT_WRITE)
#define NPAGES 3

static int fd;
static char *pages; /* of the file */

/* Each page is written by itself, because Linux may take care of pages together that were written
   together. */
static void begin(void)
{
    fd = create_file("file", "", 0);
    for (size_t page = 0; page < NPAGES; page++)
        CHECK_EQ(CHECK_OK(pwrite(fd, "\0", 1, (page + 1) * PAGE - 1)), 1);
    pages = CHECK_OK(mmap(NULL, NPAGES * PAGE, RW, MAP_SHARED, fd, 0));
}

static void end(void)
{
    unmap_pages(pages, NPAGES);
    plain_file_remove(fd);
}

/* Makes the times of the file old. */
static void age(void)
{
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

    CHECK_OK(futimens(fd, old));
}

static bool is_old(void)
{
    struct stat stat;

    CHECK_OK(fstat(fd, &stat));
    return stat.st_mtim.tv_sec == 1000;
}

/* Checks that a write is seen: a first one, or one after the page has been written back. */
static void expect_seen(size_t page)
{
    struct stat before, after;

    age();
    CHECK_OK(fstat(fd, &before));
    poke(pages + page * PAGE, 'x');
    CHECK(!is_old());
    CHECK_OK(fstat(fd, &after));
    CHECK(after.st_ctim.tv_sec >= before.st_ctim.tv_sec);
}

/* Checks that a write is not seen, because the page is dirty. Linux may have written it back. */
static void expect_dirty(size_t page)
{
    age();
    poke(pages + page * PAGE, 'y');
    CHECK(is_old() || !on_pagoda());
}

static bool writes_back(void)
{
    struct statfs statfs;

    CHECK_OK(fstatfs(fd, &statfs));
    return on_pagoda() || statfs.f_type != 0x01021994;
}

static void sync_pages(size_t first, size_t count)
{
    CHECK_OK(msync(pages + first * PAGE, count * PAGE, MS_SYNC));
}

static void the_first_write_of_a_page_changes_the_times(void)
{
    begin();
    for (size_t page = 0; page < NPAGES; page++)
        expect_seen(page);
    expect_dirty(0);
    end();
}

static void a_write_after_a_read_changes_the_times(void)
{
    begin();
    if (writes_back()) {
        CHECK_EQ(peek(pages), 0);
        expect_seen(0);
    }
    end();
}

static void a_write_after_msync_is_seen(void)
{
    begin();
    if (writes_back()) {
        for (size_t page = 0; page < NPAGES; page++)
            expect_seen(page);
        sync_pages(1, 1);
        expect_seen(1);
        expect_dirty(0);
        expect_dirty(2);
        sync_pages(0, NPAGES);
        for (size_t page = 0; page < NPAGES; page++)
            expect_seen(page);
    }
    CHECK_EQ(peek(pages + PAGE), 'x');
    end();
}

static int sync_fd(void)
{
    return fsync(fd);
}

static int sync_data(void)
{
    return fdatasync(fd);
}

static int sync_range(void)
{
    unsigned all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;

    return sync_file_range(fd, 0, 0, all);
}

static void a_write_after_fsync_is_seen(void)
{
    int (*const calls[])(void) = {sync_fd, sync_data, sync_range};

    begin();
    for (size_t n = 0; n < ARRAY_SIZE(calls) && writes_back(); n++) {
        expect_seen(n);
        CHECK_OK(calls[n]());
        expect_seen(n);
        CHECK_OK(calls[n]());
    }
    end();
}

static void two_mappings_are_written_back_together(void)
{
    begin();
    char *others = CHECK_OK(mmap(NULL, NPAGES * PAGE, RW, MAP_SHARED, fd, 0));
    if (writes_back()) {
        expect_seen(0);
        poke(others, 'y');
        sync_pages(0, 1);
        age();
        poke(others, 'z');
        CHECK(!is_old());
        CHECK_EQ(peek(pages), 'z');
    }
    unmap_pages(others, NPAGES);
    end();
}

static void write_once_more(void *unused)
{
    (void)unused;
    expect_seen(0);
}

static void write_and_sync(void *unused)
{
    (void)unused;
    poke(pages, 'c');
    sync_pages(0, 1);
}

/* Parent and child share page tables, in which W is cleared for both. */
static void a_child_writes_after_msync(void)
{
    begin();
    if (writes_back()) {
        expect_seen(0);
        CHECK(exits_with(0, write_and_sync, NULL));
        expect_seen(0);
        sync_pages(0, 1);
        CHECK(exits_with(0, write_once_more, NULL));
        sync_pages(0, 1);
        expect_seen(0);
    }
    end();
}

static void a_page_stays_dirty_when_its_mapping_goes(void)
{
    begin();
    poke(pages, 'x');
    unmap_pages(pages, NPAGES);
    CHECK_OK(fsync(fd));
    char byte;
    CHECK_EQ(CHECK_OK(pread(fd, &byte, 1, 0)), 1);
    CHECK_EQ(byte, 'x');
    pages = CHECK_OK(mmap(NULL, NPAGES * PAGE, RW, MAP_SHARED, fd, 0));
    if (writes_back())
        expect_seen(0);
    end();
}

static void msync_does_what_is_mapped(void)
{
    begin();
    expect_seen(0);
    expect_seen(2);
    CHECK_OK(munmap(pages + PAGE, PAGE));
    CHECK_ERR(ENOMEM, msync(pages, NPAGES * PAGE, MS_SYNC));
    if (writes_back()) {
        expect_seen(0);
        expect_seen(2);
    }
    end();
}

static void private_pages_are_not_written_back(void)
{
    begin();
    char *copy = CHECK_OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0));
    age();
    poke(copy, 'x');
    CHECK_OK(msync(copy, PAGE, MS_SYNC));
    CHECK(is_old());
    CHECK_EQ(peek(copy), 'x');
    CHECK_EQ(peek(pages), 0);
    unmap_pages(copy, 1);
    end();
}

static void wrong_arguments(void)
{
    int pipe_fds[2];

    begin();
    CHECK_ERR(EBADF, sync_file_range(-1, 0, 0, 0));
    CHECK_ERR(EINVAL, sync_file_range(fd, 0, 0, 8));
    CHECK_ERR(EINVAL, sync_file_range(fd, -1, 0, 0));
    CHECK_ERR(EINVAL, sync_file_range(fd, 1, -2, 0));
    CHECK_OK(sync_file_range(fd, 1, 5, 0));
    make_pipe(pipe_fds);
    CHECK_ERR(ESPIPE, sync_file_range(pipe_fds[0], 0, 0, 0));
    CHECK_ERR(EINVAL, fsync(pipe_fds[0]));
    CHECK_OK(close(pipe_fds[0]));
    CHECK_OK(close(pipe_fds[1]));
    CHECK_ERR(EINVAL, msync(pages, PAGE, MS_SYNC | MS_ASYNC));
    CHECK_OK(msync(pages, PAGE, MS_ASYNC));
    sync();
    end();
}

int main(void)
{
    temp_dir_enter();
    RUN(the_first_write_of_a_page_changes_the_times);
    RUN(a_write_after_a_read_changes_the_times);
    RUN(a_write_after_msync_is_seen);
    RUN(a_write_after_fsync_is_seen);
    RUN(two_mappings_are_written_back_together);
    RUN(a_child_writes_after_msync);
    RUN(a_page_stays_dirty_when_its_mapping_goes);
    RUN(msync_does_what_is_mapped);
    RUN(private_pages_are_not_written_back);
    RUN(wrong_arguments);
    temp_dir_leave();
    return test_end();
}
