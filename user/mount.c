/* mount [-r] [-t TYPE] DEVICE DIRECTORY: shows the files of a disk in a directory; with -r they can
   only be read. Without arguments, mount lists what is mounted.

       /dev/vda on /disk type ext2 (rw) */
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/message.h"

#define SYNOPSIS "[-r] [-t TYPE] [DEVICE DIRECTORY]"

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
    while ((option = getopt(argc, argv, "rt:")) != -1) {
        if (option == 'r')
            flags = MS_RDONLY;
        else if (option == 't')
            type = optarg;
        else
            usage(SYNOPSIS);
    }
    if (argc == 1)
        return mounts_list();
    if (argc - optind != 2)
        usage(SYNOPSIS);
    if (mount(argv[optind], argv[optind + 1], type, flags, NULL) < 0) {
        complain_errno("%s on %s", argv[optind], argv[optind + 1]);
        return 1;
    }
    return 0;
}
