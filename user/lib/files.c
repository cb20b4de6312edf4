/* Functions on files and directories that several programs share. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"
#include "message.h"

bool write_all(int fd, const void *bytes, size_t len)
{
    const char *next = bytes;

    while (len > 0) {
        ssize_t written = write(fd, next, len);
        if (written < 0)
            return false;
        next += written;
        len -= written;
    }
    return true;
}

bool fd_copy(int from, const char *from_name, int to, const char *to_name)
{
    char buffer[4096];
    ssize_t len;

    while ((len = read(from, buffer, sizeof(buffer))) > 0) {
        if (!write_all(to, buffer, len)) {
            complain_errno("%s", to_name);
            return false;
        }
    }
    if (len < 0)
        complain_errno("%s", from_name);
    return len == 0;
}

/* Returns true if `fd` is the file that standard output appends to. Showing it would never end. */
static bool is_own_output(int fd)
{
    struct stat in, out;

    return fstat(fd, &in) == 0 && fstat(STDOUT_FILENO, &out) == 0 && S_ISREG(in.st_mode) &&
           in.st_dev == out.st_dev && in.st_ino == out.st_ino && in.st_size > 0;
}

bool fd_show(int fd, const char *name)
{
    if (is_own_output(fd)) {
        complain("%s: the input is the output", name);
        return false;
    }
    return fd_copy(fd, name, STDOUT_FILENO, "write error");
}

bool file_show(const char *path)
{
    int fd = open(path, O_RDONLY);

    if (fd < 0) {
        complain_errno("%s", path);
        return false;
    }
    bool is_shown = fd_show(fd, path);
    close(fd);
    return is_shown;
}

static void dir_names_add(struct dir_names *names, const char *name)
{
    /* the capacity doubles at each power of two */
    bool is_full = (names->count & (names->count - 1)) == 0;

    if (is_full) {
        size_t capacity = names->count ? 2 * names->count : 1;
        names->name = must_resize(names->name, capacity * sizeof(char *));
    }
    names->name[names->count++] = must_copy(name);
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Returns the next entry. Returns NULL at the end, with errno 0, and after a failure, with errno.
   An earlier errno is no failure: calls that succeed may set it, such as realloc. */
static struct dirent *entry_next(DIR *directory)
{
    errno = 0;
    return readdir(directory);
}

/* Reads all names of `directory`, and closes it. */
static bool dir_take(DIR *directory, struct dir_names *names)
{
    struct dirent *entry;

    *names = (struct dir_names){0};
    if (!directory)
        return false;
    while ((entry = entry_next(directory))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            dir_names_add(names, entry->d_name);
    }
    int error = errno;
    closedir(directory);
    if (error) {
        dir_names_free(names);
        errno = error;
        return false;
    }
    if (names->count > 0)
        qsort(names->name, names->count, sizeof(char *), name_compare);
    return true;
}

bool dir_read(const char *path, struct dir_names *names)
{
    return dir_take(opendir(path), names);
}

bool dir_read_open(int fd, struct dir_names *names)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    DIR *directory = copy < 0 ? NULL : fdopendir(copy);

    if (copy >= 0 && !directory)
        close(copy);
    return dir_take(directory, names);
}

void dir_names_free(struct dir_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->name[i]);
    free(names->name);
    *names = (struct dir_names){0};
}

char *path_join(const char *directory, const char *name)
{
    size_t len = strlen(directory);
    const char *slash = len > 0 && directory[len - 1] == '/' ? "" : "/";
    char *path = must_alloc(len + 1 + strlen(name) + 1);

    strcpy(path, directory);
    strcat(path, slash);
    return strcat(path, name);
}
