/* /proc/PID/statm, status, stat and faults: what they say about a process follows what it does.

   The file faults exists on Pagoda only. */
#include "procfile.h"

#include <stdio.h>

static char data = 'd';

static char **arguments;

/* statm */

static void statm_agrees_with_status(void)
{
    unsigned long n[7];
    char *text;

    proc_text("/proc/self/statm", &text);
    CHECK_EQ(sscanf(text, "%lu %lu %lu %lu %lu %lu %lu", &n[0], &n[1], &n[2], &n[3], &n[4], &n[5],
                    &n[6]),
             7);
    CHECK_EQ(n[0] * PAGE / KIB, number_in("/proc/self/status", "VmSize"));
    CHECK(n[1] <= n[0]);
    CHECK(n[2] <= n[1]);
    CHECK(n[3] > 0 && n[3] * PAGE / KIB <= (unsigned long)number_in("/proc/self/status", "VmSize"));
    CHECK_EQ(n[5] * PAGE / KIB,
             number_in("/proc/self/status", "VmData") + number_in("/proc/self/status", "VmStk"));
}

/* status */

static void status_names_the_process(void)
{
    CHECK_EQ(number_in("/proc/self/status", "Pid"), getpid());
    CHECK_EQ(number_in("/proc/self/status", "PPid"), getppid());
}

struct name_check {
    const char *expected;
    bool is_found;
};

static void match_name(const char *line, void *context)
{
    struct name_check *check = context;

    if (strncmp(line, "Name:\t", 6) == 0)
        check->is_found = strcmp(line + 6, check->expected) == 0;
}

static void status_names_the_program(void)
{
    struct name_check check = {.expected = strrchr(self_path(), '/') + 1};

    proc_lines("/proc/self/status", match_name, &check);
    CHECK(check.is_found);
}

static void status_counts_memory(void)
{
    long promised = number_in("/proc/self/status", "VmSize"); /* KiB */
    long present = number_in("/proc/self/status", "VmRSS");
    char *pages = map_pages(256);

    CHECK_EQ(number_in("/proc/self/status", "VmSize"), promised + 1024);
    memset(pages, 1, 256 * PAGE);
    if (on_pagoda()) /* Linux counts in batches */
        CHECK(number_in("/proc/self/status", "VmRSS") >= present + 1024);
    unmap_pages(pages, 256);
    CHECK_EQ(number_in("/proc/self/status", "VmSize"), promised);
}

static void status_counts_kinds_of_memory(void)
{
    long data = number_in("/proc/self/status", "VmData");
    char *pages = map_pages(256);

    long size = number_in("/proc/self/status", "VmSize");
    CHECK(number_in("/proc/self/status", "VmPeak") >= size);
    CHECK_EQ(number_in("/proc/self/status", "VmData"), data + 1024);
    CHECK(number_in("/proc/self/status", "VmStk") > 0);
    CHECK(number_in("/proc/self/status", "VmExe") > 0);
    CHECK(number_in("/proc/self/status", "VmPTE") > 0);
    CHECK_EQ(number_in("/proc/self/status", "VmRSS"),
             number_in("/proc/self/status", "RssAnon") + number_in("/proc/self/status", "RssFile"));
    CHECK_EQ(number_in("/proc/self/status", "Threads"), 1);
    unmap_pages(pages, 256);
    CHECK_EQ(number_in("/proc/self/status", "VmData"), data);
    CHECK(number_in("/proc/self/status", "VmPeak") >= size);
}

struct mask_query {
    const char *key;
    unsigned long mask;
    bool is_found;
};

static void match_mask(const char *line, void *context)
{
    struct mask_query *query = context;
    size_t len = strlen(query->key);

    if (strncmp(line, query->key, len) == 0 && line[len] == ':')
        query->is_found = sscanf(line + len + 1, "%16lx", &query->mask) == 1;
}

/* Returns true if status shows the signal in this set. */
static bool mask_has(const char *key, int signal)
{
    struct mask_query query = {.key = key};

    proc_lines("/proc/self/status", match_mask, &query);
    CHECK(query.is_found);
    return query.mask >> (signal - 1) & 1;
}

static void take_no_notice(int signal)
{
    (void)signal;
}

static void change_signals(void *unused)
{
    sigset_t set;

    (void)unused;
    CHECK(!mask_has("SigBlk", SIGUSR1) && !mask_has("SigIgn", SIGUSR2));
    CHECK(!mask_has("SigCgt", SIGTERM) && !mask_has("ShdPnd", SIGUSR1));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    CHECK(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
    CHECK(signal(SIGTERM, take_no_notice) != SIG_ERR);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK(mask_has("SigBlk", SIGUSR1) && mask_has("SigIgn", SIGUSR2));
    CHECK(mask_has("SigCgt", SIGTERM) && mask_has("ShdPnd", SIGUSR1));
    CHECK(!mask_has("SigPnd", SIGUSR1));
}

static void status_shows_signals(void)
{
    CHECK(exits_with(0, change_signals, NULL));
}

/* stat */

static void stat_has_all_fields(void)
{
    unsigned long field[STAT_FIELDS + 1], here = (uintptr_t)stat_has_all_fields;
    struct region stack;
    char state;

    proc_stat_read("/proc/self/stat", field, &state);
    CHECK_EQ(field[1], getpid());
    CHECK_EQ(state, 'R');
    CHECK_EQ(field[4], getppid());
    CHECK_EQ(field[5], getpgrp());
    CHECK_EQ(field[6], getsid(0));
    CHECK_EQ(field[20], 1); /* threads */
    CHECK_EQ(field[23] / KIB, number_in("/proc/self/status", "VmSize"));
    CHECK(field[26] <= here && here < field[27]); /* code */
    CHECK(region_find(&stack, &stack));
    CHECK(stack.start <= field[28] && field[28] < stack.end);
    CHECK_EQ(field[38], SIGCHLD);
    CHECK(field[45] <= (uintptr_t)&data && (uintptr_t)&data < field[46]); /* data */
    CHECK_EQ(field[48], (uintptr_t)arguments[0]);
    CHECK_EQ(field[49], field[50]);
    CHECK_EQ(field[50], (uintptr_t)environ[0]);
    CHECK(field[51] > field[50]);
}

/* faults */

static void check_faults_line(const char *line, void *sum)
{
    const char *last_blank = strrchr(line, ' ');
    char *end;

    CHECK(last_blank && last_blank > line);
    *(long *)sum += strtol(last_blank + 1, &end, 10);
    CHECK(end > last_blank + 1 && *end == '\0');
}

static long sum_of_faults(const char *path)
{
    long sum = 0;

    proc_lines(path, check_faults_line, &sum);
    return sum;
}

static void faults_are_counted(void)
{
    char *pages = map_pages(50), path[32];
    long before;

    snprintf(path, sizeof(path), "/proc/%d/faults", getpid());
    sum_of_faults("/proc/self/faults"); /* reading causes faults of its own, the first time */
    before = sum_of_faults("/proc/self/faults");
    for (int i = 0; i < 50; i++)
        poke(pages + i * PAGE, 1);
    CHECK_EQ(sum_of_faults("/proc/self/faults"), before + 50);
    CHECK_EQ(sum_of_faults(path), before + 50);
    unmap_pages(pages, 50);
}

int main(int argc, char **argv)
{
    (void)argc;
    arguments = argv;
    RUN(statm_agrees_with_status);
    RUN(status_names_the_process);
    RUN(status_names_the_program);
    RUN(status_counts_memory);
    RUN(status_counts_kinds_of_memory);
    RUN(status_shows_signals);
    RUN(stat_has_all_fields);
    RUN_ON_PAGODA(faults_are_counted);
    return test_end();
}
