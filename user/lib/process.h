/* Processes, as /proc shows them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The numbers of all processes. */
struct process_list {
    long *pid; /* ascending; from malloc */
    size_t count;
};

/* Reads the numbers of all processes. Returns false, with errno, if /proc cannot be read. */
bool process_list_read(struct process_list *list);

/* Reads the numbers of the threads of a process. Returns false if it does not exist any more. */
bool thread_list_read(long pid, struct process_list *list);

struct process_info {
    long pid, parent;
    char name[32];
    char state;                    /* R running or ready, S asleep, T stopped, Z ended */
    unsigned long faults;          /* page faults since it began */
    unsigned long ticks;           /* CPU time; a second has sysconf(_SC_CLK_TCK) ticks */
    unsigned long size_kb, rss_kb; /* of its regions; of the pages that are present */
    unsigned long tables_kb;       /* of its page tables */
};

/* Reads the state of a process. Returns false if it does not exist any more. */
bool process_read(long pid, struct process_info *info);

/* Reads the state of a thread of a process, whose number becomes info->pid. Returns false if it
   does not exist any more. */
bool thread_read(long pid, long tid, struct process_info *info);
