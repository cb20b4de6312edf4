/* The state of the machine, from /proc: its uptime, the use of its CPUs, and its counters. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Timer ticks of all CPUs since boot. */
struct cpu_times {
    /* user includes nice, system includes interrupts, and idle includes waits for a disk */
    unsigned long user, system, idle;
    unsigned long cpus; /* number of CPUs */
};

/* Reads the numbers in lines "key number" or "key: number" of a file like /proc/stat. A key without
   a line gives 0. Returns false, after a message, if the file cannot be read. */
bool numbers_read(const char *path, const char *const *keys, unsigned long *numbers, size_t count);

/* Reads the CPU times since boot. Unless `each` is NULL, it gets those of each of the first
   CPUS_LISTED CPUs. Returns false, after a message, if they cannot be read. */
enum { CPUS_LISTED = 8 };
bool cpu_times_read(struct cpu_times *times, struct cpu_times each[CPUS_LISTED]);

/* Returns the CPU times that have passed since `before`. */
struct cpu_times cpu_times_since(const struct cpu_times *now, const struct cpu_times *before);
unsigned long cpu_times_sum(const struct cpu_times *times);

/* Returns the ticks that one CPU's clock has counted in these times. */
unsigned long cpu_times_ticks(const struct cpu_times *times);

/* Writes a line as uptime prints it: "12:00:00 up 5 min,  0 user,  load average: 0.00, 0.01, 0.05".
   Returns false after a message. */
bool uptime_describe(char *line, size_t size);
