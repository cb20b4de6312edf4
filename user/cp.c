/* cp [-rpf] SOURCE... TARGET: copies files; into TARGET, if that is a directory. -r (or -R): directories too, with all
   that is in them; -p: mode and times stay what they are; -f: what is in the way and cannot be written is removed. */
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
