/* Removes whole directories. */
#include "remove.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "message.h"

static bool dir_empty(const char *path)
{
    struct dir_names names;
    bool is_ok = true;

    if (!dir_read(path, &names))
        return path_failed(path);
    for (size_t i = 0; i < names.count; i++) {
        char *entry = path_join(path, names.name[i]);
        is_ok = path_remove_all(entry) && is_ok;
        free(entry);
    }
    dir_names_free(&names);
    return is_ok;
}

bool path_remove_all(const char *path)
{
    struct stat status;

    if (lstat(path, &status) < 0)
        return path_failed(path);
    if (!S_ISDIR(status.st_mode))
        return unlink(path) == 0 || path_failed(path);
    if (!dir_empty(path))
        return false;
    return rmdir(path) == 0 || path_failed(path);
}
