/* kill [-SIGNAL | -s SIGNAL] PID...: sends a signal to processes. SIGNAL is a name or a number, and
   TERM by default. A negative PID means the process group -PID.

   kill -l [SIGNAL...]: lists the names of all signals, or translates a name into its number and a
   number into its name. The number may also be the status of a program that the signal killed.

   The shell has a command of its own, which knows its jobs and needs no process. */
#include <stddef.h>

#include "lib/kill.h"
#include "lib/message.h"

int main(int argc, char **argv)
{
    static const struct kill_caller program = {.prefix = ""};

    (void)argc;
    int status = kill_run(argv + 1, &program);
    if (status == KILL_USAGE)
        usage(KILL_SYNOPSIS);
    return finish(status);
}
