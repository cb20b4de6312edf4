/* mkfifo NAME...: makes FIFOs, pipes with a name. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/message.h"

int main(int argc, char **argv)
{
    int status = 0;

    opterr = 0;
    if (getopt(argc, argv, "") != -1 || optind == argc)
        usage("NAME...");
    for (int i = optind; i < argc; i++) {
        if (mkfifo(argv[i], 0666) < 0) {
            complain_errno("%s", argv[i]);
            status = 1;
        }
    }
    return status;
}
