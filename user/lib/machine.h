/* What /proc says of the machine: how long it is up, how busy, and what with. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Timer ticks of all CPUs since boot. */
struct cpu_times {
    unsigned long user, system, idle; /* user: nice ones too; system: interrupts; idle: waits */
    unsigned long cpus;               /* how many they are */
};

/* From the file `path`, /proc/stat or like it, the number that begins a line "key number" or "key: number". => false,
   after a message, if it cannot be read; what is not there is 0 */
bool numbers_read(const char *path, const char *const *keys, unsigned long *numbers, size_t count);

/* => false, after a message, if it cannot be read */
bool cpu_times_read(struct cpu_times *times);

/* What has been since `before`. */
struct cpu_times cpu_times_since(const struct cpu_times *now, const struct cpu_times *before);
unsigned long cpu_times_sum(const struct cpu_times *times);

/* The same as one clock shows it, however many CPUs tick. */
unsigned long cpu_times_ticks(const struct cpu_times *times);

/* "12:00:00 up 5 min,  0 user,  load average: 0.00, 0.01, 0.05" into `line`. => false, after a message */
bool uptime_describe(char *line, size_t size);
