/* umount FILE...: ends mounts, by the directory or by the device, after everything was written. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/message.h"

/* Finds the directory on which a device is mounted. */
static bool directory_find(const char *device, char directory[256])
{
    FILE *mounts = fopen("/proc/mounts", "r");
    char source[256];
    bool is_found = false;

    while (mounts && !is_found && fscanf(mounts, "%255s %255s %*[^\n]", source, directory) == 2)
        is_found = strcmp(source, device) == 0;
    if (mounts)
        fclose(mounts);
    return is_found;
}

int main(int argc, char **argv)
{
    char directory[256];
    int status = 0;

    opterr = 0;
    if (getopt(argc, argv, "") != -1 || optind == argc)
        usage("FILE...");
    for (int i = optind; i < argc; i++) {
        const char *target = directory_find(argv[i], directory) ? directory : argv[i];
        if (umount2(target, 0) < 0) {
            complain_errno("%s", argv[i]);
            status = 1;
        }
    }
    return status;
}
