/* Removes whole directories, however deep they are.

   A walk goes down through the directories, and up again. It needs neither the stack nor a file
   descriptor for each level, and no path that grows with the depth. It has the deepest directory
   open, and a list of the directories above it:

       levels[0]  "tree"    from the caller's path
       levels[1]  "below"   its names are removed by calls relative to `fd`, and ".." leads to
                  ^ fd      levels[0]

   If another process moves a directory meanwhile, ".." leads elsewhere. Each level therefore keeps
   the number of its directory, and the walk stops if the directory above is not that of the level
   above. */
#define _GNU_SOURCE
#include "remove.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "memory.h"
#include "message.h"

/* A directory that is being removed. */
struct level {
    char *name; /* in the directory above; from malloc */
    dev_t device;
    ino_t number;
    struct dir_names names;
    size_t next;      /* the first of `names` that was not visited yet */
    bool has_failure; /* a part of the directory remains, and a message was printed */
};

struct walk {
    struct level *levels; /* from malloc */
    size_t depth, capacity;
    int fd; /* the deepest directory; AT_FDCWD without levels */
};

enum { DIRECTORY_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

static struct level *walk_deepest(const struct walk *walk)
{
    return &walk->levels[walk->depth - 1];
}

/* Prints a message about a name in the deepest directory, and notes the failure. */
static void walk_failed(struct walk *walk, const char *name)
{
    int error = errno;
    char *path = must_copy(walk->depth > 0 ? walk->levels[0].name : name);

    for (size_t i = 1; i <= walk->depth; i++) {
        char *longer = path_join(path, i < walk->depth ? walk->levels[i].name : name);
        free(path);
        path = longer;
    }
    errno = error;
    complain_errno("%s", path);
    free(path);
    if (walk->depth > 0)
        walk_deepest(walk)->has_failure = true;
}

/* Opens a directory, and reads its names. Returns it, or -1 with errno. */
static int level_open(int above, struct level *level)
{
    struct stat status;
    int fd = openat(above, level->name, DIRECTORY_FLAGS);

    if (fd < 0)
        return -1;
    if (fstat(fd, &status) == 0 && dir_read_open(fd, &level->names)) {
        level->device = status.st_dev;
        level->number = status.st_ino;
        return fd;
    }
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static void walk_close(struct walk *walk)
{
    if (walk->fd != AT_FDCWD)
        close(walk->fd);
}

/* Enters the directory `name` in the deepest one. Returns false after a message. */
static bool walk_down(struct walk *walk, const char *name)
{
    struct level level = {.name = must_copy(name)};
    int fd = level_open(walk->fd, &level);

    if (fd < 0) {
        walk_failed(walk, name);
        free(level.name);
        return false;
    }
    walk_close(walk);
    walk->fd = fd;
    if (walk->depth == walk->capacity) {
        walk->capacity = walk->capacity ? 2 * walk->capacity : 16;
        walk->levels = must_resize(walk->levels, walk->capacity * sizeof(level));
    }
    walk->levels[walk->depth++] = level;
    return true;
}

/* Returns the directory above the deepest one, or -1 with errno. */
static int directory_above(const struct walk *walk)
{
    const struct level *above = walk_deepest(walk) - 1;
    struct stat status;

    if (walk->depth == 1)
        return AT_FDCWD;
    int fd = openat(walk->fd, "..", DIRECTORY_FLAGS);
    if (fd < 0)
        return -1;
    if (fstat(fd, &status) == 0 && status.st_dev == above->device && status.st_ino == above->number)
        return fd;
    close(fd);
    errno = ENOENT; /* another process has moved it */
    return -1;
}

/* Leaves the deepest directory, and removes it if all its names are gone. Returns false, after a
   message, if the directory above cannot be found again. */
static bool walk_up(struct walk *walk)
{
    int above = directory_above(walk);

    if (above == -1) {
        walk_failed(walk, "..");
        return false;
    }
    struct level level = *walk_deepest(walk);
    walk_close(walk);
    walk->fd = above;
    walk->depth--;
    if (!level.has_failure && unlinkat(above, level.name, AT_REMOVEDIR) < 0) {
        walk_failed(walk, level.name);
        level.has_failure = true;
    }
    if (walk->depth > 0)
        walk_deepest(walk)->has_failure |= level.has_failure;
    free(level.name);
    dir_names_free(&level.names);
    return walk->depth > 0 || !level.has_failure;
}

/* Removes a name in the deepest directory, or enters it if it is a directory. */
static void walk_name(struct walk *walk, const char *name)
{
    if (unlinkat(walk->fd, name, 0) == 0)
        return;
    if (errno == EISDIR)
        walk_down(walk, name);
    else
        walk_failed(walk, name);
}

static void walk_free(struct walk *walk)
{
    walk_close(walk);
    for (size_t i = 0; i < walk->depth; i++) {
        free(walk->levels[i].name);
        dir_names_free(&walk->levels[i].names);
    }
    free(walk->levels);
}

static bool directory_remove(const char *path)
{
    struct walk walk = {.fd = AT_FDCWD};
    bool is_ok = walk_down(&walk, path);

    while (is_ok && walk.depth > 0) {
        struct level *level = walk_deepest(&walk);
        if (level->next < level->names.count)
            walk_name(&walk, level->names.name[level->next++]);
        else
            is_ok = walk_up(&walk);
    }
    walk_free(&walk);
    return is_ok;
}

bool path_remove_all(const char *path)
{
    struct stat status;

    if (lstat(path, &status) < 0)
        return path_failed(path);
    if (S_ISDIR(status.st_mode))
        return directory_remove(path);
    return unlink(path) == 0 || path_failed(path);
}
