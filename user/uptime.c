/* uptime: shows the time, how long the machine has been up, and how many programs wanted a CPU on average, over the
   last 1, 5 and 15 minutes. Nobody logs in: there are no users. */
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
