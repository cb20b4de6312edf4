/* Copying files and whole directories. */
#define _GNU_SOURCE
#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "memory.h"
#include "message.h"

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Gives the copy `to` the mode and the times in `status`. */
static bool keep_attributes(const char *to, const struct stat *status)
{
    const struct timespec times[] = {status->st_atim, status->st_mtim};

    if (!S_ISLNK(status->st_mode) && chmod(to, status->st_mode & 07777) < 0)
        return path_failed(to);
    if (utimensat(AT_FDCWD, to, times, AT_SYMLINK_NOFOLLOW) < 0)
        return path_failed(to);
    return true;
}

/* ---- Files, links and devices ---- */

static int target_open(const char *to, mode_t mode, const struct copy_options *options)
{
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, mode);

    if (fd < 0 && options->is_forced && unlink(to) == 0)
        fd = open(to, O_WRONLY | O_CREAT | O_EXCL, mode);
    if (fd < 0)
        complain_errno("%s", to);
    return fd;
}

static bool file_copy(const char *from, const char *to, mode_t mode,
                      const struct copy_options *options)
{
    int in = open(from, O_RDONLY);

    if (in < 0)
        return path_failed(from);
    int out = target_open(to, mode & 0777, options);
    bool is_ok = out >= 0 && fd_copy(in, from, out, to);
    close(in);
    if (out >= 0 && close(out) < 0)
        return path_failed(to);
    return is_ok;
}

/* Makes a link or a device like `from`, and replaces a file that is in the way. */
static bool special_copy(const char *from, const char *to, const struct stat *status)
{
    char target[PATH_MAX];
    int error;

    if (unlink(to) < 0 && errno != ENOENT)
        return path_failed(to);
    if (S_ISLNK(status->st_mode)) {
        ssize_t len = readlink(from, target, sizeof(target) - 1);
        if (len < 0)
            return path_failed(from);
        target[len] = '\0';
        error = symlink(target, to);
    } else {
        error = mknod(to, status->st_mode, status->st_rdev);
    }
    return error == 0 || path_failed(to);
}

/* ---- Directories ---- */

/* Returns true if `status` is that of the directory at `path`, or of one above it. */
static bool lies_in(const char *path, const struct stat *status)
{
    enum { FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC };
    struct stat here, last = {0};
    bool is_in = false;
    int fd = open(path, FLAGS);

    while (fd >= 0 && !is_in && fstat(fd, &here) == 0 && !is_same(&here, &last)) {
        is_in = is_same(&here, status);
        last = here;
        int above = openat(fd, "..", FLAGS);
        close(fd);
        fd = above;
    }
    if (fd >= 0)
        close(fd);
    return is_in;
}

static bool entries_copy(const char *from, const char *to, const struct copy_options *options)
{
    struct dir_names names;
    bool is_ok = true;

    if (!dir_read(from, &names))
        return path_failed(from);
    for (size_t i = 0; i < names.count; i++) {
        char *entry_from = path_join(from, names.name[i]);
        char *entry_to = path_join(to, names.name[i]);
        is_ok = path_copy(entry_from, entry_to, options) && is_ok;
        free(entry_from);
        free(entry_to);
    }
    dir_names_free(&names);
    return is_ok;
}

/* Copies a directory. The owner may write the new directory until it is filled; keep_attributes
   then sets its mode. */
static bool dir_copy(const char *from, const char *to, const struct stat *status,
                     const struct copy_options *options)
{
    if (!options->is_recursive) {
        complain("%s is a directory: -r copies it", from);
        return false;
    }
    bool is_new = mkdir(to, (status->st_mode & 0777) | S_IRWXU) == 0;
    if (!is_new && errno != EEXIST)
        return path_failed(to);
    if (lies_in(to, status)) {
        complain("%s: a directory cannot be copied into itself", from);
        if (is_new)
            rmdir(to);
        return false;
    }
    return entries_copy(from, to, options);
}

bool path_copy(const char *from, const char *to, const struct copy_options *options)
{
    struct stat status, there;
    int error = options->is_recursive ? lstat(from, &status) : stat(from, &status);
    bool is_ok;

    if (error)
        return path_failed(from);
    if (stat(to, &there) == 0 && is_same(&status, &there)) {
        complain("%s and %s are the same file", from, to);
        return false;
    }
    if (S_ISDIR(status.st_mode))
        is_ok = dir_copy(from, to, &status, options);
    else if (S_ISREG(status.st_mode) || !options->is_recursive)
        is_ok = file_copy(from, to, status.st_mode, options);
    else
        is_ok = special_copy(from, to, &status);
    return is_ok && (!options->keeps || keep_attributes(to, &status));
}
