/* ls [-la] [FILE...]: lists files, and the contents of directories. Names that begin with a dot are
   listed with -a only. With -l, each file has a line of mode, links, bytes, time (UTC) and name:

       drwxr-xr-x    2      4096  2025-01-31 12:00  name

   Otherwise, a terminal gets as many columns as fit, and a file or pipe one name a line. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "lib/files.h"
#include "lib/memory.h"
#include "lib/message.h"
#include "lib/mode.h"

enum { COLUMN_GAP = 2, WIDTH_DEFAULT = 80 };

static bool is_long;     /* -l */
static bool shows_all;   /* -a */
static bool has_failed;  /* a file could not be listed */
static size_t width = 1; /* of a line, in characters; 1 means one name a line */

static void list_failed(const char *path)
{
    complain_errno("%s", path);
    has_failed = true;
}

static void size_print(const struct stat *status)
{
    if (S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode))
        printf(" %4u,%4u", major(status->st_rdev), minor(status->st_rdev));
    else
        printf(" %9lld", (long long)status->st_size);
}

static void time_print(time_t seconds)
{
    struct tm tm;

    if (gmtime_r(&seconds, &tm))
        printf("  %04d-%02d-%02d %02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
               tm.tm_hour, tm.tm_min);
}

static void link_print(const char *path)
{
    char target[PATH_MAX];
    ssize_t len = readlink(path, target, sizeof(target));

    if (len >= 0)
        printf(" -> %.*s", (int)len, target);
}

/* Prints the line of -l for the file at `path`. */
static void long_print(const char *path, const char *name)
{
    char mode[MODE_TEXT_SIZE];
    struct stat status;

    if (lstat(path, &status) < 0) {
        if (errno != ENOENT) /* ENOENT: removed since its name was read */
            list_failed(path);
        return;
    }
    mode_text(status.st_mode, mode);
    printf("%s %4lu", mode, (unsigned long)status.st_nlink);
    size_print(&status);
    time_print(status.st_mtime);
    printf("  %s", name);
    if (S_ISLNK(status.st_mode))
        link_print(path);
    putchar('\n');
}

/* Prints the names in columns, which are as wide as the longest name needs. */
static void columns_print(char **names, size_t count)
{
    size_t longest = 0;

    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(names[i]);
        longest = len > longest ? len : longest;
    }
    size_t column = longest + COLUMN_GAP;
    size_t ncolumns = width > column ? width / column : 1;
    size_t nrows = (count + ncolumns - 1) / ncolumns;
    for (size_t row = 0; row < nrows; row++) {
        for (size_t i = row; i < count; i += nrows) {
            bool is_last = i + nrows >= count;
            printf("%-*s", is_last ? 0 : (int)column, names[i]);
        }
        putchar('\n');
    }
}

/* Lists names of files in `directory`. If it is NULL, each name is a path. */
static void names_print(const char *directory, char **names, size_t count)
{
    if (!is_long) {
        columns_print(names, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        char *path = directory ? path_join(directory, names[i]) : must_copy(names[i]);
        long_print(path, names[i]);
        free(path);
    }
}

/* Moves the names that begin with no dot to the front. Returns their number. */
static size_t dots_leave_out(struct dir_names *names)
{
    size_t kept = 0;

    for (size_t i = 0; i < names->count; i++) {
        if (names->name[i][0] != '.') {
            char *name = names->name[i];
            names->name[i] = names->name[kept];
            names->name[kept++] = name;
        }
    }
    return kept;
}

static void directory_list(const char *path)
{
    static char *dots[] = {".", ".."};
    struct dir_names names;

    if (!dir_read(path, &names)) {
        list_failed(path);
        return;
    }
    if (shows_all)
        names_print(path, dots, 2);
    names_print(path, names.name, shows_all ? names.count : dots_leave_out(&names));
    dir_names_free(&names);
}

static bool is_directory(const char *path)
{
    struct stat status;
    bool is_found = is_long ? lstat(path, &status) == 0 : stat(path, &status) == 0;

    return is_found && S_ISDIR(status.st_mode);
}

static bool is_present(const char *path)
{
    struct stat status;

    if (lstat(path, &status) == 0)
        return true;
    list_failed(path);
    return false;
}

/* Lists the arguments: first the files, then the contents of the directories. */
static void arguments_list(char **paths, size_t count)
{
    char **files = must_alloc((count + 1) * sizeof(char *));
    char **directories = must_alloc((count + 1) * sizeof(char *));
    size_t nfiles = 0, ndirectories = 0;

    for (size_t i = 0; i < count; i++) {
        if (is_directory(paths[i]))
            directories[ndirectories++] = paths[i];
        else if (is_present(paths[i]))
            files[nfiles++] = paths[i];
    }
    names_print(NULL, files, nfiles);
    for (size_t i = 0; i < ndirectories; i++) {
        if (count > 1)
            printf("%s%s:\n", i > 0 || nfiles > 0 ? "\n" : "", directories[i]);
        directory_list(directories[i]);
    }
    free(files);
    free(directories);
}

static void options_read(int argc, char **argv)
{
    int option;

    opterr = 0;
    while ((option = getopt(argc, argv, "la")) != -1) {
        if (option == '?')
            usage("[-la] [FILE...]");
        if (option == 'l')
            is_long = true;
        else
            shows_all = true;
    }
}

static void width_find(void)
{
    struct winsize size;

    if (!isatty(STDOUT_FILENO))
        return;
    bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    width = is_known ? size.ws_col : WIDTH_DEFAULT;
}

int main(int argc, char **argv)
{
    options_read(argc, argv);
    width_find();
    if (optind == argc)
        directory_list(".");
    else
        arguments_list(argv + optind, argc - optind);
    return finish(has_failed);
}
