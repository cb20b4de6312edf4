/* mv [-fn] SOURCE... TARGET: renames files and directories to TARGET, or moves them into it if it
   is a directory. Between two file systems, they are copied and then removed. -n keeps a TARGET
   that exists; -f, the default, replaces it. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/copy.h"
#include "lib/message.h"
#include "lib/remove.h"
#include "lib/transfer.h"

static bool is_careful; /* -n */

/* Moves between file systems. Like rename(2), it removes the target first, which is a file or
   empty. */
static bool copy_and_remove(const char *from, const char *to)
{
    static const struct copy_options all = {.is_recursive = true, .keeps = true, .is_forced = true};

    if (remove(to) < 0 && errno != ENOENT)
        return path_failed(to);
    return path_copy(from, to, &all) && path_remove_all(from);
}

static bool move(const char *from, const char *to)
{
    struct stat source, target;
    bool is_there = lstat(to, &target) == 0;

    if (lstat(from, &source) < 0)
        return path_failed(from);
    if (is_there && source.st_dev == target.st_dev && source.st_ino == target.st_ino) {
        complain("%s and %s are the same file", from, to);
        return false;
    }
    if ((is_there && is_careful) || rename(from, to) == 0)
        return true;
    if (errno == EXDEV)
        return copy_and_remove(from, to);
    complain_errno("cannot rename %s to %s", from, to);
    return false;
}

int main(int argc, char **argv)
{
    int option;

    opterr = 0;
    while ((option = getopt(argc, argv, "fn")) != -1) {
        if (option == '?')
            usage("[-fn] SOURCE... TARGET");
        is_careful = option == 'n'; /* the last of -n and -f counts */
    }
    if (argc - optind < 2)
        usage("[-fn] SOURCE... TARGET");
    return transfer_all(argv + optind, argc - optind - 1, argv[argc - 1], move);
}
