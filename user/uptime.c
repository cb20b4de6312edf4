/* uptime: shows the time, the time since boot, and the average number of threads that wanted a CPU
   over the last 1, 5 and 15 minutes. There are no logins, so the number of users is 0. */
#include <stdio.h>

#include "lib/machine.h"
#include "lib/message.h"

int main(int argc, char **argv)
{
    char line[128];

    (void)argv;
    no_arguments(argc);
    if (!uptime_describe(line, sizeof(line)))
        return 1;
    printf(" %s\n", line);
    return finish(0);
}
