/* Linux's side of the test of ext2 (ext2_linux.h). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ext2_linux.h"

void linux_enter(const char *dir)
{
    umask(0);
    if (chdir(dir)) {
        perror(dir);
        exit(1);
    }
}

bool linux_look(const char *path, struct linux_file *file)
{
    struct stat status;

    if (lstat(path, &status))
        return false;
    *file = (struct linux_file){
        .mode = status.st_mode, .nlink = status.st_nlink, .size = status.st_size};
    return true;
}

static int result_of(int result)
{
    return result < 0 ? -errno : 0;
}

int linux_make(const char *path, uint32_t mode)
{
    return result_of(S_ISDIR(mode) ? mkdir(path, mode & 07777) : mknod(path, mode, 0));
}

int linux_symlink(const char *target, const char *path)
{
    return result_of(symlink(target, path));
}

int linux_link(const char *from, const char *to)
{
    return result_of(link(from, to));
}

int linux_rename(const char *from, const char *to)
{
    return result_of(rename(from, to));
}

int linux_remove(const char *path, bool is_dir)
{
    return result_of(is_dir ? rmdir(path) : unlink(path));
}

int linux_truncate(const char *path, uint64_t size)
{
    return result_of(truncate(path, size));
}

ssize_t linux_write(const char *path, const void *bytes, size_t len, uint64_t offset)
{
    int fd = open(path, O_WRONLY | O_NOFOLLOW);
    ssize_t done = fd < 0 ? -1 : pwrite(fd, bytes, len, offset);

    if (done < 0)
        done = -errno;
    close(fd);
    return done;
}

/* Writes zeros where the file system can make no holes. */
int linux_punch(const char *path, uint64_t start, uint64_t end)
{
    static const char zeros[4096];
    int fd = open(path, O_WRONLY | O_NOFOLLOW);
    struct stat status;

    if (fd < 0 || fstat(fd, &status))
        return -errno;
    int err = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start, end - start);
    if (err && errno == EOPNOTSUPP) {
        off_t at = start;
        if ((off_t)end > status.st_size)
            end = status.st_size;
        for (err = 0; err >= 0 && at<(off_t)end; at += err> 0 ? err : 0)
            err = pwrite(fd, zeros, (off_t)end - at < 4096 ? (off_t)end - at : 4096, at);
    }
    err = err < 0 ? -errno : 0;
    close(fd);
    return err;
}

ssize_t linux_read(const char *path, void *bytes, size_t len, uint64_t offset)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW);
    ssize_t done = fd < 0 ? -1 : pread(fd, bytes, len, offset);

    if (done < 0)
        done = -errno;
    close(fd);
    return done;
}

ssize_t linux_readlink(const char *path, char *target, size_t size)
{
    ssize_t len = readlink(path, target, size);

    return len < 0 ? -errno : len;
}

int64_t linux_next_data(const char *path, uint64_t offset)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW);
    off_t data = lseek(fd, offset, SEEK_DATA);

    close(fd);
    return data;
}

unsigned linux_list(const char *path, void (*each)(const char *path))
{
    char child[PATH_MAX];
    struct dirent *entry;
    unsigned count = 0;
    DIR *dir = opendir(path);

    while (dir && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
        each(child);
        count++;
    }
    closedir(dir);
    return count;
}

void linux_print_error(const char *what)
{
    perror(what);
}
