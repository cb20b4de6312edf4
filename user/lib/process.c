/* Processes, as /proc shows them. */
#include "process.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "memory.h"
#include "number.h"
#include "procfs.h"

static int pid_compare(const void *a, const void *b)
{
    long left = *(const long *)a, right = *(const long *)b;

    return (left > right) - (left < right);
}

/* Reads the names in a directory that are numbers. */
static bool numbers_read(const char *path, struct process_list *list)
{
    struct dir_names names;

    *list = (struct process_list){0};
    if (!dir_read(path, &names))
        return false;
    list->pid = must_alloc((names.count + 1) * sizeof(long));
    for (size_t i = 0; i < names.count; i++)
        list->count += number_parse(names.name[i], 1, INT_MAX, &list->pid[list->count]);
    qsort(list->pid, list->count, sizeof(long), pid_compare);
    dir_names_free(&names);
    return true;
}

bool process_list_read(struct process_list *list)
{
    return numbers_read("/proc", list);
}

bool thread_list_read(long pid, struct process_list *list)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%ld/task", pid);
    return numbers_read(path, list);
}

/* Reads the fields after the name in a line of /proc/PID/stat. The name ends at the last
   parenthesis, because it may hold blanks and parentheses itself. */
static bool stat_parse(const char *line, struct process_info *info)
{
    const char *rest = strrchr(line, ')');
    unsigned long major, user, kernel, size;
    long pages;

    if (!rest || sscanf(rest,
                        ") %c %ld %*d %*d %*d %*d %*u %lu %*u %lu %*u %lu %lu %*d %*d %*d "
                        "%*d %*d %*d %*u %lu %ld",
                        &info->state, &info->parent, &info->faults, &major, &user, &kernel, &size,
                        &pages) != 8)
        return false;
    info->faults += major;
    info->ticks = user + kernel;
    info->size_kb = size / 1024;
    info->rss_kb = pages * (sysconf(_SC_PAGESIZE) / 1024);
    return true;
}

/* Reads the files of a process or a thread, which are in `dir`. */
static bool info_read(const char *dir, long pid, struct process_info *info)
{
    struct procfs_field fields[] = {{.key = "Name"}, {.key = "VmPTE"}};
    char path[96], *line = NULL;
    size_t capacity = 0;

    snprintf(path, sizeof(path), "%s/status", dir);
    if (!procfs_read(path, fields, 2))
        return false;
    snprintf(path, sizeof(path), "%s/stat", dir);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    *info = (struct process_info){.pid = pid};
    snprintf(info->name, sizeof(info->name), "%.31s", fields[0].value);
    info->tables_kb = strtoul(fields[1].value, NULL, 10);
    bool is_read = getline(&line, &capacity, file) > 0 && stat_parse(line, info);
    free(line);
    fclose(file);
    return is_read;
}

bool process_read(long pid, struct process_info *info)
{
    char dir[64];

    snprintf(dir, sizeof(dir), "/proc/%ld", pid);
    return info_read(dir, pid, info);
}

bool thread_read(long pid, long tid, struct process_info *info)
{
    char dir[64];

    snprintf(dir, sizeof(dir), "/proc/%ld/task/%ld", pid, tid);
    return info_read(dir, tid, info);
}
