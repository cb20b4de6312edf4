/* ps: lists the processes. STATE is R running, S asleep, D waiting for a disk, T stopped, or Z
   ended but not reaped. RSS is the memory that the process has, in kB. */
#include <stdio.h>

#include "lib/message.h"
#include "lib/process.h"

/* Prints the line of a process, unless it has ended in the meantime. */
static void process_print(long pid)
{
    struct process_info info;

    if (process_read(pid, &info))
        printf("%5ld %5ld %-5c %7lu %s\n", pid, info.parent, info.state, info.rss_kb, info.name);
}

int main(int argc, char **argv)
{
    struct process_list list;

    (void)argv;
    no_arguments(argc);
    if (!process_list_read(&list)) {
        complain_errno("/proc");
        return 1;
    }
    printf("%5s %5s %-5s %7s %s\n", "PID", "PPID", "STATE", "RSS", "NAME");
    for (size_t i = 0; i < list.count; i++)
        process_print(list.pid[i]);
    return finish(0);
}
