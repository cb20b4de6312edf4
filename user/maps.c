/* maps [PID]: shows the regions of a process (/proc/PID/maps), and how its page faults have ended
   (/proc/PID/faults, which Linux lacks). Without PID, it shows itself. */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/files.h"
#include "lib/message.h"
#include "lib/number.h"

int main(int argc, char **argv)
{
    const char *pid = argc > 1 ? argv[1] : "self";
    char path[64];
    long number;

    if (argc > 2 || (argc == 2 && !number_parse(pid, 1, INT_MAX, &number)))
        usage("[PID]");
    snprintf(path, sizeof(path), "/proc/%s/maps", pid);
    if (!file_show(path))
        return 1;
    snprintf(path, sizeof(path), "/proc/%s/faults", pid);
    bool has_faults = access(path, F_OK) == 0;
    return has_faults && !file_show(path);
}
