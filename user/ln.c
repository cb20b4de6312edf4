/* ln [-sf] SOURCE... TARGET: gives files another name, TARGET, or the same name in TARGET if it is
   a directory. -s makes symbolic links, whose text is SOURCE; -f replaces a TARGET that exists. */
#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "lib/message.h"
#include "lib/transfer.h"

static bool is_symbolic; /* -s */
static bool is_forced;   /* -f */

static bool name_make(const char *from, const char *to)
{
    return (is_symbolic ? symlink(from, to) : link(from, to)) == 0;
}

static bool name_add(const char *from, const char *to)
{
    if (name_make(from, to))
        return true;
    if (is_forced && errno == EEXIST && unlink(to) == 0 && name_make(from, to))
        return true;
    complain_errno("cannot link %s to %s", to, from);
    return false;
}

int main(int argc, char **argv)
{
    int option;

    opterr = 0;
    while ((option = getopt(argc, argv, "sf")) != -1) {
        if (option == '?')
            usage("[-sf] SOURCE... TARGET");
        if (option == 's')
            is_symbolic = true;
        else
            is_forced = true;
    }
    if (argc - optind < 2)
        usage("[-sf] SOURCE... TARGET");
    return transfer_all(argv + optind, argc - optind - 1, argv[argc - 1], name_add);
}
