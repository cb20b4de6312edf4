/* df [-hk] [FILE...]: shows how full the file systems of the files are; without a FILE, that of the
   root. Sizes are in KiB, or with -h in the unit that makes them short. They are rounded up.

       Filesystem  1K-blocks      Used Available Use% Mounted on
       tmpfs          116212       708    115504   1% / */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/message.h"

static bool is_short; /* -h */

/* Returns the name of a number in linux/magic.h: the file systems of Pagoda, and common ones of
   Linux. */
static const char *kind_name(long kind)
{
    static const struct {
        long kind;
        const char *name;
    } kinds[] = {{0x01021994, "tmpfs"},
                 {0x9fa0, "proc"},
                 {0x50495045, "pipefs"},
                 {0xef53, "ext2"},
                 {0x794c7630, "overlay"}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].kind == kind)
            return kinds[i].name;
    }
    return "-";
}

static bool is_on(const char *path, dev_t device)
{
    struct stat status;

    return stat(path, &status) == 0 && status.st_dev == device;
}

/* Shortens the path of a file to the highest directory of its file system. */
static void cut_to_mount_point(char *path, dev_t device)
{
    for (char *slash; (slash = strrchr(path, '/')) && path[1];) {
        char *cut = slash == path ? slash + 1 : slash, saved = *cut;
        *cut = '\0';
        if (!is_on(path, device)) {
            *cut = saved;
            return;
        }
    }
}

/* Returns the use in percent, rounded up, so that a little use is not shown as none. */
static int percent_used(const struct statfs *about)
{
    unsigned long used = about->f_blocks - about->f_bfree, usable = used + about->f_bavail;

    return usable ? (used * 100 + usable - 1) / usable : 0;
}

static void size_print(int width, unsigned long kib)
{
    const char *unit = "KMGTP";
    unsigned long tenths = kib * 10;

    if (!is_short) {
        printf(" %*lu", width, kib);
        return;
    }
    for (; tenths >= 10240 && unit[1]; unit++)
        tenths = (tenths + 1023) / 1024;
    if (tenths == 0)
        printf(" %*d", width, 0);
    else if (tenths < 100 && *unit != 'K')
        printf(" %*lu.%lu%c", width - 3, tenths / 10, tenths % 10, *unit);
    else
        printf(" %*lu%c", width - 1, (tenths + 9) / 10, *unit);
}

/* Prints the heading before the first line. If every file fails, there is no line and no
   heading. */
static void heading_print(void)
{
    static bool is_done;

    if (!is_done)
        printf("%-10s %10s %9s %9s %4s %s\n", "Filesystem", is_short ? "Size" : "1K-blocks", "Used",
               "Available", "Use%", "Mounted on");
    is_done = true;
}

static void line_print(const struct statfs *about, const char *mount_point)
{
    unsigned long kib = about->f_bsize / 1024;

    heading_print();
    printf("%-10s", kind_name(about->f_type));
    size_print(10, about->f_blocks * kib);
    size_print(9, (about->f_blocks - about->f_bfree) * kib);
    size_print(9, about->f_bavail * kib);
    if (about->f_blocks)
        printf(" %3d%% %s\n", percent_used(about), mount_point);
    else
        printf("    - %s\n", mount_point);
}

static bool show(const char *name)
{
    struct statfs about;
    struct stat status;
    char *path = realpath(name, NULL);

    if (!path || stat(path, &status) < 0 || statfs(path, &about) < 0) {
        complain_errno("%s", name);
        free(path);
        return false;
    }
    cut_to_mount_point(path, status.st_dev);
    line_print(&about, path);
    free(path);
    return true;
}

int main(int argc, char **argv)
{
    int status = 0, option;

    opterr = 0;
    while ((option = getopt(argc, argv, "hk")) != -1) {
        if (option == '?')
            usage("[-hk] [FILE...]");
        is_short = option == 'h'; /* the last of -h and -k counts */
    }
    if (optind == argc)
        status = !show("/");
    for (int i = optind; i < argc; i++)
        status |= !show(argv[i]);
    return finish(status);
}
