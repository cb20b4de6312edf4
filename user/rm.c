/* rm [-rf] FILE...: removes files. -r removes directories with their contents; -f ignores files
   that do not exist. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/message.h"
#include "lib/remove.h"

static bool is_recursive; /* -r */
static bool is_forced;    /* -f */

static bool path_remove(const char *path)
{
    struct stat status;

    if (lstat(path, &status) < 0) {
        bool is_absent = errno == ENOENT || errno == ENOTDIR;
        return (is_forced && is_absent) || path_failed(path);
    }
    if (is_recursive && S_ISDIR(status.st_mode))
        return path_remove_all(path);
    return unlink(path) == 0 || path_failed(path);
}

/* Returns true if `path` ends in "." or "..", because removing it would remove the current
   directory or one above it. */
static bool is_dots(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool is_root(const char *path)
{
    struct stat root, status;

    return stat("/", &root) == 0 && lstat(path, &status) == 0 && status.st_dev == root.st_dev &&
           status.st_ino == root.st_ino;
}

static bool argument_remove(const char *path)
{
    if (is_root(path)) {
        complain("%s: the root directory stays", path);
        return false;
    }
    if (is_dots(path)) {
        errno = EINVAL;
        return path_failed(path);
    }
    return path_remove(path);
}

static void options_read(int argc, char **argv)
{
    int option;

    opterr = 0;
    while ((option = getopt(argc, argv, "rf")) != -1) {
        if (option == '?')
            usage("[-rf] FILE...");
        if (option == 'r')
            is_recursive = true;
        else
            is_forced = true;
    }
    if (optind == argc && !is_forced)
        usage("[-rf] FILE...");
}

int main(int argc, char **argv)
{
    int status = 0;

    options_read(argc, argv);
    for (int i = optind; i < argc; i++) {
        if (!argument_remove(argv[i]))
            status = 1;
    }
    return status;
}
