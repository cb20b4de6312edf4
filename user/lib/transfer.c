/* Arguments of the form SOURCE... TARGET. */
#include "transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "files.h"
#include "memory.h"
#include "message.h"

/* Returns the last component of a path without trailing slashes, from malloc. */
static char *base_name(const char *path)
{
    char *copy = must_copy(path);
    size_t len = strlen(copy);

    while (len > 1 && copy[len - 1] == '/')
        copy[--len] = '\0';
    const char *slash = strrchr(copy, '/');
    if (slash && slash[1])
        memmove(copy, slash + 1, strlen(slash + 1) + 1);
    return copy;
}

int transfer_all(char **sources, int nsources, const char *target,
                 bool (*transfer)(const char *from, const char *to))
{
    struct stat status;
    bool is_dir = stat(target, &status) == 0 && S_ISDIR(status.st_mode);
    int result = 0;

    if (nsources > 1 && !is_dir) {
        errno = ENOTDIR;
        complain_errno("%s", target);
        return 1;
    }
    for (int i = 0; i < nsources; i++) {
        char *name = base_name(sources[i]);
        char *to = is_dir ? path_join(target, name) : must_copy(target);
        if (!transfer(sources[i], to))
            result = 1;
        free(name);
        free(to);
    }
    return result;
}
