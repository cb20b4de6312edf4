/* touch FILE...: sets the times of files to now. Those that do not exist are made, empty. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/message.h"

static bool file_touch(const char *path)
{
    if (utimensat(AT_FDCWD, path, NULL, 0) == 0)
        return true;
    int fd = errno == ENOENT ? open(path, O_WRONLY | O_CREAT, 0666) : -1;
    return (fd >= 0 && close(fd) == 0) || path_failed(path);
}

int main(int argc, char **argv)
{
    int status = 0;

    opterr = 0;
    if (getopt(argc, argv, "") != -1 || optind == argc)
        usage("FILE...");
    for (int i = optind; i < argc; i++) {
        if (!file_touch(argv[i]))
            status = 1;
    }
    return status;
}
