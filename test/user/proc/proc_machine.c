/* The files of /proc about the machine: they can be parsed, and follow what processes do.

   Some lines of vmstat exist on Pagoda only. */
#include "procfile.h"

#include <stdio.h>
#include <sys/utsname.h>

/* meminfo and vmstat */

static void meminfo_is_plausible(void)
{
    long total = number_in("/proc/meminfo", "MemTotal");
    long unused = number_in("/proc/meminfo", "MemFree");

    CHECK(total > 0);
    CHECK(unused > 0 && unused < total);
    CHECK(number_in("/proc/meminfo", "AnonPages") > 0);
    CHECK(number_in("/proc/meminfo", "PageTables") > 0);
}

static void meminfo_follows_what_is_touched(void)
{
    char *pages = map_pages(100);
    struct counters before = counters_now();

    memset(pages, 1, 100 * PAGE);
    struct counters after = counters_since(&before);
    CHECK_EQ(after.anon_pages, 100);
    CHECK(after.mem_free <= -100);
    unmap_pages(pages, 100);
}

static void check_vmstat_line(const char *line, void *count)
{
    char name[64], newline;
    unsigned long value;

    CHECK_EQ(sscanf(line, "%63[a-z0-9_] %lu%c", name, &value, &newline), 2);
    ++*(int *)count;
}

static void vmstat_can_be_parsed(void)
{
    int count = 0;

    proc_lines("/proc/vmstat", check_vmstat_line, &count);
    CHECK(count > 0);
}

static void vmstat_has_what_the_runner_compares(void)
{
    CHECK(number_in("/proc/vmstat", "nr_heap_bytes") > 0);
    CHECK(number_in("/proc/vmstat", "nr_kernel_stacks") > 0);
    CHECK(number_in("/proc/vmstat", "nr_page_cache") > 0);
}

/* The rest of what is of the machine */

static void loadavg_can_be_parsed(void)
{
    unsigned hundredths[3], running, threads;
    int last, whole[3];
    char *text;

    CHECK(exits_with(0, do_nothing, NULL));
    proc_text("/proc/loadavg", &text);
    CHECK_EQ(sscanf(text, "%d.%2u %d.%2u %d.%2u %u/%u %d\n", &whole[0], &hundredths[0], &whole[1],
                    &hundredths[1], &whole[2], &hundredths[2], &running, &threads, &last),
             9);
    CHECK(running >= 1 && running <= threads);
    CHECK(last > getpid() || !on_pagoda());
}

static void stat_counts_the_cpus_time(void)
{
    unsigned long all[4], one[4];
    char *text;

    proc_text("/proc/stat", &text);
    CHECK_EQ(sscanf(text, "cpu %lu %lu %lu %lu", &all[0], &all[1], &all[2], &all[3]), 4);
    const char *first = strstr(text, "\ncpu0 ");
    CHECK(first);
    CHECK_EQ(sscanf(first, "\ncpu0 %lu %lu %lu %lu", &one[0], &one[1], &one[2], &one[3]), 4);
    for (int i = 0; i < 4; i++)
        CHECK(one[i] <= all[i]);
    CHECK(number_in("/proc/stat", "btime") > 0);
    CHECK(number_in("/proc/stat", "ctxt") > 0);
    CHECK(number_in("/proc/stat", "procs_running") >= 1);
    CHECK(number_in("/proc/stat", "procs_blocked") >= 0);
}

static void stat_counts_forks(void)
{
    long before = number_in("/proc/stat", "processes");

    CHECK(exits_with(0, do_nothing, NULL));
    long after = number_in("/proc/stat", "processes");
    CHECK(after > before);
    CHECK(after == before + 1 || !on_pagoda());
}

static void note_cpu(const char *line, void *count)
{
    int number;

    if (sscanf(line, "processor\t: %d", &number) == 1)
        CHECK_EQ(number, (*(int *)count)++);
    else if (*line)
        CHECK(strstr(line, ": ") || line[strlen(line) - 1] == ':');
}

static void cpuinfo_counts_cpus(void)
{
    int count = 0;

    proc_lines("/proc/cpuinfo", note_cpu, &count);
    CHECK(count >= 1);
}

static void note_mount(const char *line, void *found)
{
    char device[64], place[256], kind[64], options[512];
    int numbers[2];

    CHECK_EQ(sscanf(line, "%63s %255s %63s %511s %d %d", device, place, kind, options, &numbers[0],
                    &numbers[1]),
             6);
    if (strcmp(place, "/proc") == 0 && strcmp(kind, "proc") == 0)
        *(bool *)found = true;
}

/* /proc is looked for, because "/" is no mount for a process in a chroot directory. */
static void mounts_lists_file_systems(void)
{
    bool found = false;

    proc_lines("/proc/mounts", note_mount, &found);
    CHECK(found);
}

/* version, filesystems, sys */

static void version_names_the_kernel(void)
{
    struct utsname names;
    char expected[256], *text;

    CHECK_OK(uname(&names));
    int len = snprintf(expected, sizeof(expected), "%s version %s (", names.sysname, names.release);
    proc_text("/proc/version", &text);
    CHECK(strncmp(text, expected, len) == 0);
    len = snprintf(expected, sizeof(expected), ") %s\n", names.version);
    CHECK(strcmp(text + strlen(text) - len, expected) == 0);
}

static void sys_kernel_agrees_with_uname(void)
{
    static const char *const paths[] = {"/proc/sys/kernel/ostype", "/proc/sys/kernel/hostname",
                                        "/proc/sys/kernel/osrelease", "/proc/sys/kernel/version"};
    struct utsname names;
    const char *values[] = {names.sysname, names.nodename, names.release, names.version};
    char *text;

    CHECK_OK(uname(&names));
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        size_t len = proc_text(paths[i], &text);
        CHECK_EQ(len, strlen(values[i]) + 1);
        CHECK(strncmp(text, values[i], len - 1) == 0 && text[len - 1] == '\n');
    }
}

static long setting(const char *path)
{
    char *text, *end;

    proc_text(path, &text);
    long value = strtol(text, &end, 10);
    CHECK(end > text && strcmp(end, "\n") == 0);
    return value;
}

static void sys_has_settings(void)
{
    CHECK(setting("/proc/sys/kernel/pid_max") > getpid());
    CHECK(setting("/proc/sys/vm/max_map_count") >= 65530);
    CHECK(setting("/proc/sys/vm/overcommit_memory") <= 2);
    CHECK(setting("/proc/sys/vm/mmap_min_addr") % PAGE == 0);
}

static void note_filesystem(const char *line, void *found)
{
    const char *tab = strchr(line, '\t');

    CHECK(tab && (tab == line || strncmp(line, "nodev\t", 6) == 0));
    *(int *)found += strcmp(tab + 1, "tmpfs") == 0 || strcmp(tab + 1, "proc") == 0;
}

static void filesystems_lists_them(void)
{
    int found = 0;

    proc_lines("/proc/filesystems", note_filesystem, &found);
    CHECK_EQ(found, 2);
}

/* lock_stat */

static void lock_stat_has_a_line_for_each_class(void)
{
    static const char *const classes[] = {"RANK_PROCESS", "RANK_VSPACE", "RANK_TABLE",
                                          "RANK_TABLE+3", "RANK_FRAMES", "RANK_CONSOLE"};

    for (size_t n = 0; n < ARRAY_SIZE(classes); n++)
        CHECK(number_in("/proc/lock_stat", classes[n]) >= 0);
    CHECK_EQ(number_in("/proc/lock_stat", "RANK_NONE"), -1);
}

int main(void)
{
    RUN(meminfo_is_plausible);
    RUN_ON_PAGODA(meminfo_follows_what_is_touched);
    RUN(loadavg_can_be_parsed);
    RUN(stat_counts_the_cpus_time);
    RUN(stat_counts_forks);
    RUN(cpuinfo_counts_cpus);
    RUN(mounts_lists_file_systems);
    RUN(version_names_the_kernel);
    RUN(sys_kernel_agrees_with_uname);
    RUN(sys_has_settings);
    RUN(filesystems_lists_them);
    RUN(vmstat_can_be_parsed);
    RUN_ON_PAGODA(vmstat_has_what_the_runner_compares);
    RUN_ON_PAGODA(lock_stat_has_a_line_for_each_class);
    return test_end();
}
