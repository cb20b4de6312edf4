/* rmdir DIRECTORY...: removes directories that are empty. */
#include <unistd.h>

#include "lib/message.h"

int main(int argc, char **argv)
{
    int status = 0;

    opterr = 0;
    if (getopt(argc, argv, "") != -1 || optind == argc)
        usage("DIRECTORY...");
    for (int i = optind; i < argc; i++) {
        if (rmdir(argv[i]) < 0)
            status = !path_failed(argv[i]);
    }
    return status;
}
