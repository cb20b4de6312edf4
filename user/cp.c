/* cp [-rpf] SOURCE... TARGET: copies files to TARGET, or into it if it is a directory. -r (or -R)
   copies directories with their contents. -p keeps modes and times. -f removes a file in the way
   that cannot be written. */
#include <unistd.h>

#include "lib/copy.h"
#include "lib/message.h"
#include "lib/transfer.h"

static struct copy_options options;

static bool copy(const char *from, const char *to)
{
    return path_copy(from, to, &options);
}

int main(int argc, char **argv)
{
    int option;

    opterr = 0;
    while ((option = getopt(argc, argv, "rRpf")) != -1) {
        if (option == '?')
            usage("[-rpf] SOURCE... TARGET");
        options.is_recursive |= option == 'r' || option == 'R';
        options.keeps |= option == 'p';
        options.is_forced |= option == 'f';
    }
    if (argc - optind < 2)
        usage("[-rpf] SOURCE... TARGET");
    return transfer_all(argv + optind, argc - optind - 1, argv[argc - 1], copy);
}
