/* The harness: files and directories. See test.h. */
#include "test.h"

#include <dirent.h>
#include <stdio.h>

static char temp_dir[64];

void temp_dir_enter(void)
{
    self_path(); /* while the directory that it may be relative to is still the current one */
    snprintf(temp_dir, sizeof(temp_dir), "/tmp/test-%d", getpid());
    CHECK_OK(mkdir(temp_dir, 0755));
    CHECK_OK(chdir(temp_dir));
}

void temp_dir_leave(void)
{
    if (test_end() != TEST_PASSED)
        empty_directory(temp_dir);
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir(temp_dir));
}

bool each_entry(const char *path, bool (*visit)(const char *name, void *context), void *context)
{
    _Alignas(struct dirent) char bytes[KIB];
    int fd = CHECK_OK(open(path, O_RDONLY | O_DIRECTORY));
    bool goes_on = true;
    ssize_t len;

    while (goes_on && (len = CHECK_OK(getdents64(fd, (struct dirent *)bytes, sizeof(bytes)))) > 0) {
        const struct dirent *entry;

        for (ssize_t at = 0; at < len && goes_on; at += entry->d_reclen) {
            entry = (const struct dirent *)(bytes + at);
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                goes_on = visit(entry->d_name, context);
        }
    }
    CHECK_OK(close(fd));
    return goes_on;
}

static bool remove_entry(const char *name, void *directory)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", (const char *)directory, name);
    if (unlink(path) != 0) {
        CHECK_EQ(errno, EISDIR);
        empty_directory(path);
        CHECK_OK(rmdir(path));
    }
    return false; /* what the rest of the listing is worth now, nobody knows */
}

void empty_directory(const char *path)
{
    while (!each_entry(path, remove_entry, (void *)path)) {
    }
}

int create_file(const char *name, const void *bytes, size_t len)
{
    int fd = CHECK_OK(open(name, O_RDWR | O_CREAT | O_EXCL, 0644));

    CHECK_EQ(CHECK_OK(write(fd, bytes, len)), len);
    return fd;
}

void make_pipe(int fds[2])
{
    CHECK_OK(pipe(fds));
}
