/* stat [-L] FILE...: shows the attributes of files in the format of GNU's stat, without the names
   of users. -L follows symbolic links. */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "lib/message.h"
#include "lib/mode.h"

static const char *kind_name(const struct stat *about)
{
    switch (about->st_mode & S_IFMT) {
    case S_IFREG:
        return about->st_size ? "regular file" : "regular empty file";
    case S_IFDIR:
        return "directory";
    case S_IFLNK:
        return "symbolic link";
    case S_IFCHR:
        return "character special file";
    case S_IFBLK:
        return "block special file";
    case S_IFIFO:
        return "fifo";
    case S_IFSOCK:
        return "socket";
    default:
        return "weird file";
    }
}

static void name_print(const char *path, const struct stat *about)
{
    char target[PATH_MAX];
    ssize_t len = S_ISLNK(about->st_mode) ? readlink(path, target, sizeof(target)) : -1;

    printf("  File: %s", path);
    if (len >= 0)
        printf(" -> %.*s", (int)len, target);
    putchar('\n');
}

static void time_print(const char *which, const struct timespec *time)
{
    char text[32];
    struct tm tm;

    if (gmtime_r(&time->tv_sec, &tm) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
        printf("%s: %s.%09ld +0000\n", which, text, time->tv_nsec);
}

static void print(const char *path, const struct stat *about)
{
    char mode[MODE_TEXT_SIZE];

    name_print(path, about);
    printf("  Size: %-10lld\tBlocks: %-10lld IO Block: %-6ld %s\n", (long long)about->st_size,
           (long long)about->st_blocks, (long)about->st_blksize, kind_name(about));
    printf("Device: %u,%u\tInode: %-11llu Links: %lu", major(about->st_dev), minor(about->st_dev),
           (unsigned long long)about->st_ino, (unsigned long)about->st_nlink);
    if (S_ISCHR(about->st_mode) || S_ISBLK(about->st_mode))
        printf("     Device type: %u,%u", major(about->st_rdev), minor(about->st_rdev));
    mode_text(about->st_mode, mode);
    printf("\nAccess: (%04o/%s)  Uid: %u   Gid: %u\n", about->st_mode & 07777, mode, about->st_uid,
           about->st_gid);
    time_print("Access", &about->st_atim);
    time_print("Modify", &about->st_mtim);
    time_print("Change", &about->st_ctim);
}

static bool show(const char *path, bool follows)
{
    struct stat about;

    if ((follows ? stat(path, &about) : lstat(path, &about)) < 0) {
        complain_errno("%s", path);
        return false;
    }
    print(path, &about);
    return true;
}

int main(int argc, char **argv)
{
    bool follows = false;
    int option, status = 0;

    opterr = 0;
    while ((option = getopt(argc, argv, "L")) != -1) {
        if (option == '?')
            usage("[-L] FILE...");
        follows = true;
    }
    if (optind == argc)
        usage("[-L] FILE...");
    for (int i = optind; i < argc; i++)
        status |= !show(argv[i], follows);
    return finish(status);
}
