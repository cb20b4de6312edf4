/* The harness: what the kernel says about itself and about processes. See test.h.

   The counters must not show their own reading. So all that is read goes through one static buffer,
   with read(2) alone, and each reading is done twice. The first brings in every page that it
   touches (after a fork: copies it). Only the second is kept. */
#include "test.h"

#include <stdio.h>
#include <sys/klog.h>
#include <sys/resource.h>

/* Visits the complete lines among the first `len` bytes. Moves the incomplete line to the start,
   and returns its length. */
static size_t visit_lines(char *bytes, size_t len, void (*visit)(const char *, void *),
                          void *context)
{
    char *line = bytes;
    char *newline;

    while ((newline = memchr(line, '\n', bytes + len - line))) {
        *newline = '\0';
        visit(line, context);
        line = newline + 1;
    }
    size_t left = bytes + len - line;
    memmove(bytes, line, left);
    return left;
}

bool each_line(const char *path, void (*visit)(const char *line, void *context), void *context)
{
    static char bytes[PAGE];
    int fd = open(path, O_RDONLY);
    size_t left = 0;
    ssize_t len;

    if (fd < 0)
        return false;
    while ((len = read(fd, bytes + left, sizeof(bytes) - left)) > 0)
        left = visit_lines(bytes, left + len, visit, context);
    CHECK_OK(close(fd));
    return len == 0;
}

struct number_query {
    const char *key;
    long value; /* -1 until the key was found */
};

static void match_number(const char *line, void *context)
{
    struct number_query *query = context;
    size_t len = strlen(query->key);

    if (strncmp(line, query->key, len) == 0 && (line[len] == ':' || line[len] == ' '))
        query->value = strtol(line + len + 1, NULL, 10);
}

long number_in(const char *path, const char *key)
{
    struct number_query query = {.key = key, .value = -1};

    each_line(path, match_number, &query);
    return query.value;
}

static long meminfo_pages(const char *key)
{
    long kib = number_in("/proc/meminfo", key);

    if (kib < 0)
        test_fail(__FILE__, __LINE__, "no %s in /proc/meminfo", key);
    return kib * (long)KIB / (long)PAGE;
}

static void add_outcome(const char *line, void *total)
{
    const char *count = strrchr(line, ' ');

    if (count)
        *(long *)total += strtol(count, NULL, 10);
}

static void counters_read(struct counters *counters)
{
    struct rusage usage;

    CHECK_OK(getrusage(RUSAGE_SELF, &usage));
    counters->outcomes = 0;
    each_line("/proc/self/faults", add_outcome, &counters->outcomes);
    counters->minor_fault = usage.ru_minflt;
    counters->mem_free = meminfo_pages("MemFree");
    counters->anon_pages = meminfo_pages("AnonPages");
    counters->page_tables = meminfo_pages("PageTables");
}

struct counters counters_now(void)
{
    struct counters counters;

    counters_read(&counters);
    counters_read(&counters);
    return counters;
}

struct counters counters_since(const struct counters *before)
{
    struct counters now = counters_now();

    return (struct counters){
        .mem_free = now.mem_free - before->mem_free,
        .anon_pages = now.anon_pages - before->anon_pages,
        .page_tables = now.page_tables - before->page_tables,
        .minor_fault = now.minor_fault - before->minor_fault,
        .outcomes = now.outcomes - before->outcomes,
    };
}

const char *kernel_message(pid_t pid)
{
    enum { READ_ALL = 3 }; /* see syslog(2) */
    static char messages[16 * KIB + 1];
    const char *found = NULL;
    char key[24];

    memset(messages, 0, sizeof(messages)); /* all of it is used from the first time on */
    messages[CHECK_OK(klogctl(READ_ALL, messages, sizeof(messages) - 1))] = '\0';
    size_t len = snprintf(key, sizeof(key), "pid %d ", pid);
    for (char *line = strtok(messages, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, key, len) == 0)
            found = line;
    }
    return found ? found : "";
}

static void remember_acquired(const char *line, void *acquired)
{
    (void)!sscanf(line, "RANK_FRAMES %*d %ld", (long *)acquired);
}

bool is_debug_build(void)
{
    long acquired = 0; /* which debug builds alone count */

    return on_pagoda() && each_line("/proc/lock_stat", remember_acquired, &acquired) &&
           acquired > 0;
}

bool region_parse(const char *line, struct region *region)
{
    *region = (struct region){0};
    return sscanf(line, "%lx-%lx %4[-rwxsp] %*x %*x:%*x %*u %63[^\n]", &region->start, &region->end,
                  region->prot, region->name) >= 3;
}

struct region_query {
    uintptr_t start, end; /* which addresses */
    int count;            /* regions found there */
    struct region last;   /* the last of them */
};

static void match_region(const char *line, void *context)
{
    struct region_query *query = context;
    struct region region;

    if (!region_parse(line, &region))
        test_fail(__FILE__, __LINE__, "a line of /proc/self/maps reads \"%s\"", line);
    if (region.start < query->end && query->start < region.end) {
        query->count++;
        query->last = region;
    }
}

static struct region_query regions_query(const void *start, size_t len)
{
    struct region_query query = {.start = (uintptr_t)start, .end = (uintptr_t)start + len};

    CHECK(each_line("/proc/self/maps", match_region, &query));
    return query;
}

bool region_find(const void *address, struct region *region)
{
    struct region_query query = regions_query(address, 1);

    *region = query.last;
    return query.count == 1;
}

int regions_within(const void *start, size_t len)
{
    return regions_query(start, len).count;
}
