/* run-limited [-s kB] [-d kB] [-v kB] [-n FILES] [-t SECONDS] [-u PROCESSES] [-f kB] [-c kB]
   PROGRAM [ARGUMENT...]: runs a program with limits on its stack, its heap and data, all its
   memory, its open files, its CPU time, the number of processes, or the size of a file. A limit is
   a number or "unlimited", as for the shell's ulimit. The status is that of the program; 125 if a
   limit cannot be set, 126 if the program cannot be run, 127 if it does not exist. */
#include <errno.h>
#include <unistd.h>

#include "lib/limit.h"
#include "lib/message.h"

enum { STATUS_NOT_LIMITED = 125, STATUS_NOT_RUN = 126, STATUS_NOT_FOUND = 127 };

static const char synopsis[] =
    "[-s kB] [-d kB] [-v kB] [-n FILES] [-t SECONDS] [-u PROCESSES] [-f kB] PROGRAM [ARGUMENT...]";

int main(int argc, char **argv)
{
    int option;

    opterr = 0;
    while ((option = getopt(argc, argv, "+s:d:v:n:t:u:f:c:")) != -1) {
        const struct limit *limit = limit_find(option);

        if (!limit)
            usage(synopsis);
        if (limit_set(limit, LIMIT_SOFT, optarg, "") != 0)
            return STATUS_NOT_LIMITED;
    }
    if (optind == argc)
        usage(synopsis);
    execvp(argv[optind], argv + optind);
    int status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_RUN;
    complain_errno("%s", argv[optind]);
    return status;
}
