/* /proc: what the kernel says about memory and processes can be parsed, and agrees with what was
   done.

   /proc/PID/faults and some of /proc/vmstat exist on Pagoda only. */
#include "test.h"

#include <dirent.h>
#include <stdio.h>

/* Calls for each line of a file that must exist. */
static void lines_of(const char *path, void (*visit)(const char *line, void *context),
                     void *context)
{
    CHECK(each_line(path, visit, context));
}

/* maps */

struct maps_check {
    uintptr_t last_end;
    int count;
};

static void check_maps_line(const char *line, void *context)
{
    struct maps_check *check = context;
    struct region region;

    if (!region_parse(line, &region))
        test_fail(__FILE__, __LINE__, "cannot parse \"%s\"", line);
    CHECK_EQ(region.start % PAGE, 0);
    CHECK_EQ(region.end % PAGE, 0);
    CHECK(region.start < region.end);
    CHECK(region.start >= check->last_end); /* sorted, and without overlaps */
    CHECK(region.prot[0] == 'r' || region.prot[0] == '-');
    CHECK(region.prot[1] == 'w' || region.prot[1] == '-');
    CHECK(region.prot[2] == 'x' || region.prot[2] == '-');
    CHECK(region.prot[3] == 'p' || region.prot[3] == 's');
    check->last_end = region.end;
    check->count++;
}

static void maps_can_be_parsed(void)
{
    struct maps_check check = {0};

    lines_of("/proc/self/maps", check_maps_line, &check);
    CHECK(check.count >= 4);
}

static void region_is(const void *address, const char *prot, const char *name)
{
    struct region region;

    CHECK(region_find(address, &region));
    if (strcmp(region.prot, prot) != 0 || !strstr(region.name, name))
        test_fail(__FILE__, __LINE__, "the region of %p is %s \"%s\", not %s \"%s\"", address,
                  region.prot, region.name, prot, name);
}

static const char constant = 'c';
static char data = 'd';

static void maps_show_the_parts_of_a_program(void)
{
    char local, *heap = CHECK_OK(pagoda_sbrk(PAGE));
    const char *own_name = strrchr(self_path(), '/');

    region_is((void *)(uintptr_t)region_is, "r-xp", own_name);
    region_is(&constant, "r--p", own_name);
    region_is(&data, "rw-p", own_name);
    region_is(heap, "rw-p", "[heap]");
    region_is(&local, "rw-p", "[stack]");
    CHECK_OK(pagoda_sbrk(-(intptr_t)PAGE));
}

static void maps_follow_mmap(void)
{
    char *pages = map_pages(3);

    region_is(pages, "rw-p", "");
    CHECK_OK(mprotect(pages + PAGE, PAGE, PROT_READ));
    region_is(pages + PAGE, "r--p", "");
    CHECK_OK(mprotect(pages + PAGE, PAGE, PROT_NONE));
    region_is(pages + PAGE, "---p", "");
    CHECK_EQ(regions_within(pages, 3 * PAGE), 3);
    unmap_pages(pages, 3);
    CHECK_EQ(regions_within(pages, 3 * PAGE), 0);
}

/* No page of a program is both writable and executable, unless it asks for that. */
static void check_no_writable_code(const char *line, void *unused)
{
    struct region region;

    (void)unused;
    CHECK(region_parse(line, &region));
    CHECK(!(region.prot[1] == 'w' && region.prot[2] == 'x'));
}

static void nothing_is_writable_and_executable(void)
{
    lines_of("/proc/self/maps", check_no_writable_code, NULL);
}

/* Reading in pieces of an odd size gives the same bytes as reading at once. */
static void files_can_be_read_in_pieces(void)
{
    static char whole[8 * PAGE], pieces[8 * PAGE];
    int fd = CHECK_OK(open("/proc/self/maps", O_RDONLY));
    size_t whole_len = 0, pieces_len = 0;
    ssize_t len;

    while ((len = CHECK_OK(read(fd, whole + whole_len, sizeof(whole) - whole_len))) > 0)
        whole_len += len;
    CHECK_OK(lseek(fd, 0, SEEK_SET));
    while ((len = CHECK_OK(read(fd, pieces + pieces_len, 7))) > 0)
        pieces_len += len;
    CHECK(whole_len > 0);
    CHECK_EQ(whole_len, pieces_len);
    CHECK(memcmp(whole, pieces, whole_len) == 0);
    CHECK_OK(close(fd));
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

    lines_of("/proc/self/status", match_name, &check);
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

static void read_own_status(void *expected_parent)
{
    char path[32];

    snprintf(path, sizeof(path), "/proc/%d/status", getpid());
    CHECK_EQ(number_in(path, "Pid"), getpid());
    CHECK_EQ(number_in("/proc/self/status", "Pid"), getpid()); /* "self" is who asks */
    CHECK_EQ(number_in(path, "PPid"), *(pid_t *)expected_parent);
}

static void each_process_has_its_own(void)
{
    pid_t pid = getpid();

    CHECK(exits_with(0, read_own_status, &pid));
}

static bool is_listed(pid_t pid)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    bool is_found = false;

    CHECK(proc);
    while ((entry = readdir(proc)))
        is_found |= atoi(entry->d_name) == pid;
    closedir(proc);
    return is_found;
}

static void processes_are_listed_while_they_live(void)
{
    struct held_child child;
    char path[32];

    hold_child(&child, wait_for_ever, NULL);
    snprintf(path, sizeof(path), "/proc/%d/maps", child.pid);
    CHECK(is_listed(getpid()));
    CHECK(is_listed(child.pid));
    CHECK_OK(access(path, R_OK));
    CHECK_OK(kill(child.pid, SIGKILL));
    CHECK(killed_by(release_child(&child), SIGKILL));
    CHECK(!is_listed(child.pid));
    CHECK_ERR(ENOENT, open(path, O_RDONLY));
    CHECK_ERR(ENOENT, open("/proc/missing", O_RDONLY));
}

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

    lines_of("/proc/vmstat", check_vmstat_line, &count);
    CHECK(count > 0);
}

static void vmstat_has_what_the_runner_compares(void)
{
    CHECK(number_in("/proc/vmstat", "nr_heap_bytes") > 0);
    CHECK(number_in("/proc/vmstat", "nr_kernel_stacks") > 0);
    CHECK(number_in("/proc/vmstat", "nr_page_cache") > 0);
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

    lines_of(path, check_faults_line, &sum);
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

int main(void)
{
    RUN(maps_can_be_parsed);
    RUN(maps_show_the_parts_of_a_program);
    RUN(maps_follow_mmap);
    RUN(nothing_is_writable_and_executable);
    RUN(files_can_be_read_in_pieces);
    RUN(status_names_the_process);
    RUN(status_names_the_program);
    RUN(status_counts_memory);
    RUN(each_process_has_its_own);
    RUN(processes_are_listed_while_they_live);
    RUN(meminfo_is_plausible);
    RUN_ON_PAGODA(meminfo_follows_what_is_touched);
    RUN(vmstat_can_be_parsed);
    RUN_ON_PAGODA(vmstat_has_what_the_runner_compares);
    RUN_ON_PAGODA(faults_are_counted);
    return TEST_PASSED;
}
