/* fadvise64 and readahead: their errors, and files whose pages are in memory alone. */
#include "test.h"

static int file_with_pages(const char *name)
{
    char bytes[2 * PAGE];
    int fd = CHECK_OK(open(name, O_RDWR | O_CREAT | O_TRUNC, 0600));

    memset(bytes, 'a', sizeof(bytes));
    CHECK_EQ(CHECK_OK(write(fd, bytes, sizeof(bytes))), (long)sizeof(bytes));
    return fd;
}

static void advice_loses_no_bytes(void)
{
    static const int all[] = {POSIX_FADV_NORMAL,   POSIX_FADV_RANDOM,   POSIX_FADV_SEQUENTIAL,
                              POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED, POSIX_FADV_NOREUSE};
    int fd = file_with_pages("advised");
    char bytes[2 * PAGE];

    for (size_t n = 0; n < ARRAY_SIZE(all); n++) {
        CHECK_EQ(posix_fadvise(fd, 0, 0, all[n]), 0);
        CHECK_EQ(posix_fadvise(fd, 1, PAGE, all[n]), 0);
        CHECK_EQ(posix_fadvise(fd, INT64_MAX, INT64_MAX, all[n]), 0);
    }
    CHECK_OK(readahead(fd, 0, 3 * PAGE));
    CHECK_EQ(CHECK_OK(pread(fd, bytes, sizeof(bytes), 0)), (long)sizeof(bytes));
    for (size_t n = 0; n < sizeof(bytes); n++)
        CHECK(bytes[n] == 'a');
    CHECK_OK(close(fd));
    CHECK_OK(unlink("advised"));
}

static void bad_advice_is_refused(void)
{
    int fd = file_with_pages("advised"), path = CHECK_OK(open("advised", O_PATH)), fds[2];

    CHECK_OK(pipe(fds));
    CHECK_EQ(posix_fadvise(fd, 0, 0, 6), EINVAL);
    CHECK_EQ(posix_fadvise(fd, 0, 0, -1), EINVAL);
    CHECK_EQ(posix_fadvise(fd, 0, -1, POSIX_FADV_NORMAL), EINVAL);
    CHECK_EQ(posix_fadvise(-1, 0, 0, POSIX_FADV_NORMAL), EBADF);
    CHECK_EQ(posix_fadvise(path, 0, 0, POSIX_FADV_NORMAL), EBADF);
    CHECK_EQ(posix_fadvise(fds[0], 0, 0, POSIX_FADV_NORMAL), ESPIPE);
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    CHECK_OK(close(path));
    CHECK_OK(close(fd));
    CHECK_OK(unlink("advised"));
}

static void read_ahead_is_for_files_that_are_read(void)
{
    int fd = file_with_pages("advised"), writer = CHECK_OK(open("advised", O_WRONLY)), fds[2];

    CHECK_OK(pipe(fds));
    CHECK_ERR(EBADF, readahead(writer, 0, PAGE));
    CHECK_ERR(EBADF, readahead(-1, 0, PAGE));
    CHECK_ERR(EINVAL, readahead(fds[0], 0, PAGE));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    CHECK_OK(close(writer));
    CHECK_OK(close(fd));
    CHECK_OK(unlink("advised"));
}

int main(void)
{
    temp_dir_enter();
    RUN(advice_loses_no_bytes);
    RUN(bad_advice_is_refused);
    RUN(read_ahead_is_for_files_that_are_read);
    temp_dir_leave();
    return test_end();
}
