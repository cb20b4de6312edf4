/* The state of the machine, from /proc. */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "memory.h"
#include "message.h"
#include "procfs.h"

bool numbers_read(const char *path, const char *const *keys, unsigned long *numbers, size_t count)
{
    struct procfs_field *fields = must_alloc(count * sizeof(*fields));

    for (size_t i = 0; i < count; i++)
        fields[i].key = keys[i];
    bool is_read = procfs_read(path, fields, count);
    if (!is_read)
        complain_errno("%s", path);
    for (size_t i = 0; i < count; i++)
        numbers[i] = strtoul(fields[i].value, NULL, 10);
    free(fields);
    return is_read;
}

/* Sets the times to those in a line of /proc/stat. */
static void cpu_line_take(struct cpu_times *times, const char *line)
{
    unsigned long n[7] = {0};

    sscanf(line, "%*s %lu %lu %lu %lu %lu %lu %lu", &n[0], &n[1], &n[2], &n[3], &n[4], &n[5],
           &n[6]);
    times->user = n[0] + n[1];
    times->system = n[2] + n[5] + n[6];
    times->idle = n[3] + n[4];
}

bool cpu_times_read(struct cpu_times *times, struct cpu_times each[CPUS_LISTED])
{
    FILE *file = fopen("/proc/stat", "r");
    char *line = NULL;
    size_t capacity = 0;

    *times = (struct cpu_times){0};
    if (!file)
        return path_failed("/proc/stat");
    while (getline(&line, &capacity, file) > 0 && strncmp(line, "cpu", 3) == 0) {
        if (line[3] == ' ') {
            cpu_line_take(times, line);
            continue;
        }
        if (each && times->cpus < CPUS_LISTED) {
            each[times->cpus].cpus = 1;
            cpu_line_take(&each[times->cpus], line);
        }
        times->cpus++;
    }
    bool is_read = !ferror(file) || path_failed("/proc/stat");
    free(line);
    fclose(file);
    return is_read;
}

struct cpu_times cpu_times_since(const struct cpu_times *now, const struct cpu_times *before)
{
    return (struct cpu_times){
        .user = now->user - before->user,
        .system = now->system - before->system,
        .idle = now->idle - before->idle,
        .cpus = now->cpus,
    };
}

unsigned long cpu_times_sum(const struct cpu_times *times)
{
    return times->user + times->system + times->idle;
}

unsigned long cpu_times_ticks(const struct cpu_times *times)
{
    return times->cpus ? cpu_times_sum(times) / times->cpus : 0;
}

/* Reads up to three numbers from the beginning of a file. Returns false, after a message, if there
   are fewer than `count`. */
static bool doubles_read(const char *path, int count, double *a, double *b, double *c)
{
    FILE *file = fopen(path, "r");

    if (!file)
        return path_failed(path);
    int found = fscanf(file, "%lf %lf %lf", a, b, c);
    if (ferror(file))
        path_failed(path);
    else if (found < count)
        complain("%s: does not begin with %d numbers", path, count);
    fclose(file);
    return found >= count;
}

bool uptime_describe(char *line, size_t size)
{
    double up = 0, idle, unused, loads[3] = {0};
    char days[32] = "", hours[32];
    time_t now = time(NULL);
    struct tm *clock = localtime(&now);

    if (!doubles_read("/proc/uptime", 2, &up, &idle, &unused) ||
        !doubles_read("/proc/loadavg", 3, &loads[0], &loads[1], &loads[2]))
        return false;
    long minutes = (long)up / 60, day = minutes / (24 * 60), hour = minutes / 60 % 24;
    if (day > 0)
        snprintf(days, sizeof(days), "%ld day%s, ", day, day == 1 ? "" : "s");
    if (hour > 0)
        snprintf(hours, sizeof(hours), "%2ld:%02ld", hour, minutes % 60);
    else
        snprintf(hours, sizeof(hours), "%ld min", minutes % 60);
    snprintf(line, size, "%02d:%02d:%02d up %s%s,  0 user,  load average: %.2f, %.2f, %.2f",
             clock->tm_hour, clock->tm_min, clock->tm_sec, days, hours, loads[0], loads[1],
             loads[2]);
    return true;
}
