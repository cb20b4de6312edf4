/* nproc [--all]: prints how many CPUs this process may use, or how many run. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "lib/machine.h"
#include "lib/message.h"

static unsigned long usable(void)
{
    cpu_set_t cpus;

    if (sched_getaffinity(0, sizeof(cpus), &cpus)) {
        complain_errno("sched_getaffinity");
        return 0;
    }
    return CPU_COUNT(&cpus);
}

static unsigned long running(void)
{
    struct cpu_times times;

    return cpu_times_read(&times, NULL) ? times.cpus : 0;
}

int main(int argc, char **argv)
{
    bool is_all = argc == 2 && !strcmp(argv[1], "--all");

    if (argc > 1 && !is_all)
        usage("[--all]");
    unsigned long count = is_all ? running() : usable();
    if (count > 0)
        printf("%lu\n", count);
    return finish(count == 0);
}
