/* mount [-r] [-o OPTIONS] [-t TYPE] DEVICE DIRECTORY: shows the files of a disk in a directory;
   with -r they can only be read. `mount -o remount,ro DIRECTORY` changes a disk that is mounted; so
   does rw. Without arguments, mount lists what is mounted.

       /dev/vda on /disk type ext2 (rw,relatime) */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/message.h"

#define SYNOPSIS "[-r] [-o OPTIONS] [-t TYPE] [[DEVICE] DIRECTORY]"

/* Sets or clears the flags that a list of options names. Returns false if there is none of a
   name. */
static bool options_read(char *list, unsigned long *flags)
{
    static const struct {
        const char *name;
        unsigned long set, clear;
    } options[] = {
        {"defaults", 0, 0},
        {"ro", MS_RDONLY, 0},
        {"rw", 0, MS_RDONLY},
        {"remount", MS_REMOUNT, 0},
        {"noatime", MS_NOATIME, 0},
        {"relatime", MS_RELATIME, 0},
        {"nodiratime", MS_NODIRATIME, 0},
        {"strictatime", MS_STRICTATIME, 0},
        {"nosuid", MS_NOSUID, 0},
        {"nodev", MS_NODEV, 0},
    };

    for (const char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
        size_t n = 0;

        while (n < sizeof(options) / sizeof(options[0]) && strcmp(options[n].name, name) != 0)
            n++;
        if (n == sizeof(options) / sizeof(options[0])) {
            complain("there is no option %s", name);
            return false;
        }
        *flags = (*flags & ~options[n].clear) | options[n].set;
    }
    return true;
}

static int mounts_list(void)
{
    char source[256], directory[256], type[32], options[64];
    FILE *mounts = fopen("/proc/mounts", "r");

    if (!mounts) {
        complain_errno("/proc/mounts");
        return 1;
    }
    while (fscanf(mounts, "%255s %255s %31s %63s %*d %*d", source, directory, type, options) == 4)
        printf("%s on %s type %s (%s)\n", source, directory, type, options);
    fclose(mounts);
    return finish(0);
}

int main(int argc, char **argv)
{
    const char *type = "ext2";
    unsigned long flags = 0;
    int option;

    opterr = 0;
    while ((option = getopt(argc, argv, "ro:t:")) != -1) {
        if (option == 'r')
            flags |= MS_RDONLY;
        else if (option == 'o' && !options_read(optarg, &flags))
            return 1;
        else if (option == 'o')
            continue;
        else if (option == 't')
            type = optarg;
        else
            usage(SYNOPSIS);
    }
    if (argc == 1)
        return mounts_list();
    if (argc - optind != 2 && !(argc - optind == 1 && (flags & MS_REMOUNT)))
        usage(SYNOPSIS);
    const char *device = argv[optind], *directory = argv[argc - 1];
    if (mount(device, directory, type, flags, NULL) < 0) {
        complain_errno("%s on %s", device, directory);
        return 1;
    }
    return 0;
}
