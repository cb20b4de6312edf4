/* The times of access: what changes them, and when. Where the file system has "noatime", nothing is
   tested. */
#include "test.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>

static int fd;

/* Makes the last access older or newer than the last change. */
static void set_times(time_t access, time_t change)
{
    const struct timespec times[] = {{access, 0}, {change, 0}};

    CHECK_OK(utimensat(AT_FDCWD, "file", times, 0));
}

static time_t access_time(const char *path)
{
    struct stat status;

    CHECK_OK(lstat(path, &status));
    return status.st_atim.tv_sec;
}

static void read_byte_of_file(void)
{
    char byte;

    CHECK_EQ(pread(fd, &byte, 1, 0), 1);
}

static void begin(void)
{
    fd = create_file("file", "text", 4);
    set_times(1000, 2000);
    CHECK_EQ(access_time("file"), 1000);
}

static void end(void)
{
    CHECK_OK(close(fd));
    CHECK_OK(unlink("file"));
}

static void a_read_changes_the_time(void)
{
    struct stat before, after;

    begin();
    CHECK_OK(fstat(fd, &before));
    read_byte_of_file();
    CHECK_OK(fstat(fd, &after));
    CHECK(after.st_atim.tv_sec > 2000);
    CHECK_EQ(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
    CHECK_EQ(after.st_ctim.tv_sec, before.st_ctim.tv_sec);
    CHECK_EQ(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
    end();
}

static void an_empty_read_does_not(void)
{
    char byte;

    begin();
    CHECK_EQ(read(fd, &byte, 0), 0);
    CHECK_EQ(access_time("file"), 1000);
    end();
}

static void a_mapping_counts_as_a_read(void)
{
    begin();
    char *page = CHECK_OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
    CHECK(access_time("file") > 2000);
    unmap_pages(page, 1);
    end();
}

static void a_file_opened_with_noatime_keeps_it(void)
{
    begin();
    CHECK_OK(close(fd));
    fd = CHECK_OK(open("file", O_RDONLY | O_NOATIME));
    read_byte_of_file();
    CHECK_EQ(access_time("file"), 1000);
    end();
}

/* An access in the future of the last change, and less than a day ago, is kept. */
static void a_recent_access_is_kept(void)
{
    const time_t future = time(NULL) + 3600;

    begin();
    set_times(future, 2000);
    read_byte_of_file();
    CHECK_EQ(access_time("file"), future);
    end();
}

static void links_and_directories_have_it_too(void)
{
    const struct timespec times[] = {{1000, 0}, {2000, 0}};
    char target[16];

    CHECK_OK(symlink("nothing", "link"));
    CHECK_OK(utimensat(AT_FDCWD, "link", times, AT_SYMLINK_NOFOLLOW));
    CHECK_EQ(readlink("link", target, sizeof(target)), 7);
    CHECK(access_time("link") > 2000);
    CHECK_OK(unlink("link"));
    CHECK_OK(mkdir("dir", 0755));
    CHECK_OK(utimensat(AT_FDCWD, "dir", times, 0));
    int dir = CHECK_OK(open("dir", O_RDONLY | O_DIRECTORY));
    char entries[256];
    CHECK(syscall(SYS_getdents64, dir, entries, sizeof(entries)) > 0);
    CHECK(access_time("dir") > 2000);
    CHECK_OK(close(dir));
    CHECK_OK(rmdir("dir"));
}

int main(void)
{
    struct statvfs about;

    temp_dir_enter();
    CHECK_OK(statvfs(".", &about));
    if (about.f_flag & ST_NOATIME) {
        temp_dir_leave();
        return TEST_SKIPPED;
    }
    RUN(a_read_changes_the_time);
    RUN(an_empty_read_does_not);
    RUN(a_mapping_counts_as_a_read);
    RUN(a_file_opened_with_noatime_keeps_it);
    if (about.f_flag & ST_RELATIME)
        RUN(a_recent_access_is_kept);
    RUN(links_and_directories_have_it_too);
    temp_dir_leave();
    return test_end();
}
