/* ps: lists the processes; with -T their threads, each with its own number (SPID), state and name.
   STATE is R running, S asleep, D waiting for a disk, T stopped, or Z ended but not reaped. RSS is
   the memory that the process has, in kB. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/message.h"
#include "lib/process.h"

/* Prints the line of a process, unless it has ended in the meantime. */
static void process_print(long pid)
{
    struct process_info info;

    if (process_read(pid, &info))
        printf("%5ld %5ld %-5c %7lu %s\n", pid, info.parent, info.state, info.rss_kb, info.name);
}

/* Prints a line for each thread of a process that has not ended in the meantime. */
static void threads_print(long pid)
{
    struct process_list threads;
    struct process_info info;

    if (!thread_list_read(pid, &threads))
        return;
    for (size_t i = 0; i < threads.count; i++)
        if (thread_read(pid, threads.pid[i], &info))
            printf("%5ld %5ld %5ld %-5c %7lu %s\n", pid, info.pid, info.parent, info.state,
                   info.rss_kb, info.name);
    free(threads.pid);
}

int main(int argc, char **argv)
{
    bool shows_threads = argc == 2 && strcmp(argv[1], "-T") == 0;
    struct process_list list;

    if (!shows_threads)
        no_arguments(argc);
    if (!process_list_read(&list)) {
        complain_errno("/proc");
        return 1;
    }
    if (shows_threads)
        printf("%5s %5s %5s %-5s %7s %s\n", "PID", "SPID", "PPID", "STATE", "RSS", "NAME");
    else
        printf("%5s %5s %-5s %7s %s\n", "PID", "PPID", "STATE", "RSS", "NAME");
    for (size_t i = 0; i < list.count; i++)
        shows_threads ? threads_print(list.pid[i]) : process_print(list.pid[i]);
    return finish(0);
}
