/* df [-hk] [FILE...]: shows how full the file systems of the files are; without a FILE, those of
   all disks and of files in memory. Sizes are in KiB, or with -h in the unit that makes them short.
   They are rounded up.

       Filesystem  1K-blocks      Used Available Use% Mounted on
       tmpfs          116212       708    115504   1% / */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/message.h"

static bool is_short; /* -h */

/* Calls `visit` for each line of /proc/mounts. */
static void each_mount(void (*visit)(const char *source, const char *directory))
{
    char source[256], directory[256];
    FILE *mounts = fopen("/proc/mounts", "r");

    while (mounts && fscanf(mounts, "%255s %255s %*[^\n]", source, directory) == 2)
        visit(source, directory);
    if (mounts)
        fclose(mounts);
}

static bool is_on(const char *path, dev_t device)
{
    struct stat status;

    return stat(path, &status) == 0 && status.st_dev == device;
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

static void line_print(const char *source, const struct statfs *about, const char *mount_point)
{
    unsigned long kib = about->f_bsize / 1024;

    heading_print();
    printf("%-10s", source);
    size_print(10, about->f_blocks * kib);
    size_print(9, (about->f_blocks - about->f_bfree) * kib);
    size_print(9, about->f_bavail * kib);
    if (about->f_blocks)
        printf(" %3d%% %s\n", percent_used(about), mount_point);
    else
        printf("    - %s\n", mount_point);
}

/* The file system that is looked for, and what was found. A later mount hides an earlier one. */
static dev_t wanted;
static char found_source[256], found_directory[256];

static void mount_compare(const char *source, const char *directory)
{
    if (!is_on(directory, wanted))
        return;
    strcpy(found_source, source);
    strcpy(found_directory, directory);
}

static bool show(const char *path)
{
    struct statfs about;
    struct stat status;

    if (stat(path, &status) < 0 || statfs(path, &about) < 0)
        return path_failed(path);
    wanted = status.st_dev;
    strcpy(found_source, "-"); /* such as a pipe, which is mounted nowhere */
    strcpy(found_directory, "-");
    each_mount(mount_compare);
    line_print(found_source, &about, found_directory);
    return true;
}

static void show_mount(const char *source, const char *directory)
{
    struct statfs about;

    if (statfs(directory, &about) == 0 && about.f_blocks > 0)
        line_print(source, &about, directory);
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
        each_mount(show_mount);
    for (int i = optind; i < argc; i++)
        status |= !show(argv[i]);
    return finish(status);
}
