/* df [FILE...]: how full the file systems of the files are; without names, of the root.

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

/* The numbers of linux/magic.h that are seen here, and on a Linux beside it. */
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

/* Cuts the path of a file down to the highest directory of its file system. */
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

/* In steps of a percent, rounded up: what is not quite empty is not shown as empty. */
static int percent_used(const struct statfs *about)
{
    unsigned long used = about->f_blocks - about->f_bfree, usable = used + about->f_bavail;

    return usable ? (used * 100 + usable - 1) / usable : 0;
}

static void line_print(const struct statfs *about, const char *mount_point)
{
    unsigned long kib = about->f_bsize / 1024;

    printf("%-10s %10lu %9lu %9lu", kind_name(about->f_type), about->f_blocks * kib,
           (about->f_blocks - about->f_bfree) * kib, about->f_bavail * kib);
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
    int status = 0;

    opterr = 0;
    if (getopt(argc, argv, "") != -1)
        usage("[FILE...]");
    printf("%-10s %10s %9s %9s %4s %s\n", "Filesystem", "1K-blocks", "Used", "Available", "Use%",
           "Mounted on");
    if (optind == argc)
        status = !show("/");
    for (int i = optind; i < argc; i++)
        status |= !show(argv[i]);
    return finish(status);
}
