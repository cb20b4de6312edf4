/* See plain_file.h. */
#include "plain_file.h"

void file_check_contents(int fd, const char *expected)
{
    char bytes[256];
    ssize_t len = CHECK_OK(pread(fd, bytes, sizeof(bytes), 0));

    CHECK_EQ(len, strlen(expected));
    CHECK(memcmp(bytes, expected, len) == 0);
}

off_t file_offset(int fd)
{
    return CHECK_OK(lseek(fd, 0, SEEK_CUR));
}

int plain_file_create(const char *text)
{
    return create_file("file", text, strlen(text));
}

void plain_file_remove(int fd)
{
    CHECK_OK(close(fd));
    CHECK_OK(unlink("file"));
}
