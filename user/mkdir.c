/* mkdir [-p] DIRECTORY...: makes directories. -p also makes the directories above them, and accepts
   those that exist. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/memory.h"
#include "lib/message.h"

static bool is_directory(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool directory_make(const char *path, bool may_exist)
{
    if (mkdir(path, 0777) == 0)
        return true;
    int error = errno;
    if (error == EEXIST && may_exist && is_directory(path))
        return true;
    errno = error;
    complain_errno("%s", path);
    return false;
}

/* Makes `path`, and first all directories above it. */
static bool directory_make_all(const char *path)
{
    char *prefix = must_copy(path);
    bool is_ok = true;

    char *slash = prefix;
    while (is_ok && (slash = strchr(slash + strspn(slash, "/"), '/'))) {
        *slash = '\0';
        is_ok = directory_make(prefix, true);
        *slash = '/';
    }
    free(prefix);
    return is_ok && directory_make(path, true);
}

int main(int argc, char **argv)
{
    bool with_parents = false;
    int option, status = 0;

    opterr = 0;
    while ((option = getopt(argc, argv, "p")) != -1) {
        if (option == '?')
            usage("[-p] DIRECTORY...");
        with_parents = true;
    }
    if (optind == argc)
        usage("[-p] DIRECTORY...");
    for (int i = optind; i < argc; i++) {
        if (!(with_parents ? directory_make_all(argv[i]) : directory_make(argv[i], false)))
            status = 1;
    }
    return status;
}
