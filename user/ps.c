/* ps: lists the processes. STATE is R running, S asleep, D asleep for the disk, T stopped, Z dead
   but not waited for; RSS the memory that a process really has, in kB. */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/files.h"
#include "lib/memory.h"
#include "lib/message.h"
#include "lib/number.h"
#include "lib/procfs.h"

enum { NAME, STATE, PARENT, RSS, NFIELDS };

/* Prints the line of a process. One that has ended in the meantime has none. */
static void process_print(long pid)
{
    struct procfs_field fields[NFIELDS] = {
        [NAME] = {.key = "Name"},
        [STATE] = {.key = "State"},
        [PARENT] = {.key = "PPid"},
        [RSS] = {.key = "VmRSS"},
    };
    char path[64];

    snprintf(path, sizeof(path), "/proc/%ld/status", pid);
    if (!procfs_read(path, fields, NFIELDS))
        return;
    printf("%5ld %5s %-5.1s %7lu %s\n", pid, fields[PARENT].value, fields[STATE].value,
           strtoul(fields[RSS].value, NULL, 10), fields[NAME].value);
}

static int pid_compare(const void *a, const void *b)
{
    long left = *(const long *)a, right = *(const long *)b;

    return (left > right) - (left < right);
}

int main(void)
{
    struct dir_names names;

    if (!dir_read("/proc", &names)) {
        complain_errno("/proc");
        return 1;
    }
    long *pids = must_alloc((names.count + 1) * sizeof(long));
    size_t npids = 0;
    for (size_t i = 0; i < names.count; i++)
        npids += number_parse(names.name[i], 1, INT_MAX, &pids[npids]);
    qsort(pids, npids, sizeof(pids[0]), pid_compare);
    printf("%5s %5s %-5s %7s %s\n", "PID", "PPID", "STATE", "RSS", "NAME");
    for (size_t i = 0; i < npids; i++)
        process_print(pids[i]);
    return finish(0);
}
