/* What /proc says of processes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The processes that there are. */
struct process_list {
    long *pid; /* from the lowest to the highest; from malloc */
    size_t count;
};

/* => false, with errno, if /proc cannot be read */
bool process_list_read(struct process_list *list);

struct process_info {
    long pid, parent;
    char name[32];
    char state;                    /* R runs or could, S sleeps, T is stopped, Z has ended */
    unsigned long faults;          /* page faults, since it began */
    unsigned long ticks;           /* of CPU time, sysconf(_SC_CLK_TCK) a second */
    unsigned long size_kb, rss_kb; /* what it was promised; what it has */
    unsigned long tables_kb;       /* its page tables */
};

/* => false if there is no such process any more */
bool process_read(long pid, struct process_info *info);
