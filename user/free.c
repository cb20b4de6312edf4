/* free: shows how much memory the machine has, how much is in use, and for what, in kB. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/message.h"
#include "lib/procfs.h"

enum { TOTAL, FREE, ANONYMOUS, CACHED, TABLES, NFIELDS };

int main(int argc, char **argv)
{
    struct procfs_field fields[NFIELDS] = {
        [TOTAL] = {.key = "MemTotal"},      [FREE] = {.key = "MemFree"},
        [ANONYMOUS] = {.key = "AnonPages"}, [CACHED] = {.key = "Cached"},
        [TABLES] = {.key = "PageTables"},
    };
    unsigned long kb[NFIELDS];

    (void)argv;
    no_arguments(argc);
    if (!procfs_read("/proc/meminfo", fields, NFIELDS)) {
        complain_errno("/proc/meminfo");
        return 1;
    }
    for (int i = 0; i < NFIELDS; i++)
        kb[i] = strtoul(fields[i].value, NULL, 10);
    printf("total            %9lu kB\n", kb[TOTAL]);
    printf("used             %9lu kB\n", kb[TOTAL] - kb[FREE]);
    printf("  anonymous pages%9lu kB\n", kb[ANONYMOUS]);
    printf("  cached files   %9lu kB\n", kb[CACHED]);
    printf("  page tables    %9lu kB\n", kb[TABLES]);
    printf("free             %9lu kB\n", kb[FREE]);
    return finish(0);
}
