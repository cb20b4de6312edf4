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

/* Reads what is left of an open file, `size` bytes at once. => how many */
static size_t read_all(int fd, char *bytes, size_t capacity, size_t size)
{
    size_t done = 0;
    ssize_t len;

    while ((len = CHECK_OK(read(fd, bytes + done, size))) > 0) {
        done += len;
        CHECK(done + size <= capacity);
    }
    return done;
}

/* The whole of a file of /proc, terminated, in a buffer that is used again. => its length */
static size_t text_of(const char *path, char **text)
{
    static char bytes[16 * PAGE];
    int fd = CHECK_OK(open(path, O_RDONLY));
    size_t len = read_all(fd, bytes, sizeof(bytes) - 1, PAGE);

    CHECK_OK(close(fd));
    bytes[len] = '\0';
    *text = bytes;
    return len;
}

/* Reading in pieces of an odd size gives the same bytes as reading at once. */
static void is_same_in_pieces(const char *path)
{
    static char whole[8 * PAGE], pieces[8 * PAGE];
    int fd = CHECK_OK(open(path, O_RDONLY));

    memset(whole, 1, sizeof(whole)); /* or reading would change what smaps says */
    memset(pieces, 1, sizeof(pieces));
    size_t len = read_all(fd, whole, sizeof(whole), PAGE);
    CHECK_OK(lseek(fd, 0, SEEK_SET));
    CHECK(len > 0);
    CHECK_EQ(read_all(fd, pieces, sizeof(pieces), 7), len);
    CHECK(memcmp(whole, pieces, len) == 0);
    CHECK_EQ(CHECK_OK(pread(fd, pieces, 4, len / 2)), 4);
    CHECK(memcmp(whole + len / 2, pieces, 4) == 0);
    CHECK_OK(close(fd));
}

static void files_can_be_read_in_pieces(void)
{
    is_same_in_pieces("/proc/self/maps");
    is_same_in_pieces("/proc/self/cmdline");
    if (on_pagoda()) /* Linux makes the text as it is read, and the numbers change meanwhile */
        is_same_in_pieces("/proc/self/smaps");
}

/* smaps */

struct smaps_query {
    uintptr_t address;
    const char *key;
    bool is_here; /* the lines are about the region that holds the address */
    char value[64];
};

static void match_smaps(const char *line, void *context)
{
    struct smaps_query *query = context;
    size_t len = strlen(query->key);
    struct region region;

    if (region_parse(line, &region))
        query->is_here = region.start <= query->address && query->address < region.end;
    else if (query->is_here && strncmp(line, query->key, len) == 0 && line[len] == ':')
        snprintf(query->value, sizeof(query->value), "%.63s", line + len + 1);
}

/* What smaps says under `key` of the region at `address`. */
static const char *smaps_text(const void *address, const char *key)
{
    static struct smaps_query query;

    query = (struct smaps_query){.address = (uintptr_t)address, .key = key};
    lines_of("/proc/self/smaps", match_smaps, &query);
    if (!query.value[0])
        test_fail(__FILE__, __LINE__, "smaps says no %s of %p", key, address);
    return query.value;
}

static long smaps_kb(const void *address, const char *key)
{
    return strtol(smaps_text(address, key), NULL, 10);
}

/* What of a region must agree, read at once: reading may itself touch pages of the program. */
struct smaps_sums {
    uintptr_t address;
    bool is_here;
    long size, rss, pss, anonymous, referenced;
    long parts; /* Shared_Clean and the other three */
};

static void sum_smaps(const char *line, void *context)
{
    struct smaps_sums *sums = context;
    struct region region;
    char key[64];
    long kb;

    if (region_parse(line, &region))
        sums->is_here = region.start <= sums->address && sums->address < region.end;
    if (!sums->is_here || sscanf(line, "%63[^:]: %ld kB", key, &kb) != 2)
        return;
    if (strcmp(key, "Size") == 0)
        sums->size = kb;
    else if (strcmp(key, "Rss") == 0)
        sums->rss = kb;
    else if (strcmp(key, "Pss") == 0)
        sums->pss = kb;
    else if (strcmp(key, "Anonymous") == 0)
        sums->anonymous = kb;
    else if (strcmp(key, "Referenced") == 0)
        sums->referenced = kb;
    else if (strncmp(key, "Shared_", 7) == 0 || strncmp(key, "Private_", 8) == 0)
        sums->parts += kb;
}

static void smaps_adds_up(const void *address)
{
    struct smaps_sums sums = {.address = (uintptr_t)address};

    lines_of("/proc/self/smaps", sum_smaps, &sums);
    CHECK(sums.size > 0);
    CHECK_EQ(sums.rss, sums.parts);
    CHECK(sums.rss <= sums.size && sums.pss <= sums.rss);
    CHECK(sums.anonymous <= sums.rss && sums.referenced <= sums.rss);
}

static void smaps_is_about_every_region(void)
{
    char local, *pages = map_pages(1);

    smaps_adds_up((void *)(uintptr_t)smaps_adds_up);
    smaps_adds_up(&local);
    smaps_adds_up(pages);
    CHECK_EQ(smaps_kb(pages, "KernelPageSize"), (long)(PAGE / KIB));
    CHECK(smaps_kb(&local, "Private_Dirty") > 0);
    CHECK_EQ(smaps_kb((void *)(uintptr_t)smaps_adds_up, "Anonymous"), 0);
    unmap_pages(pages, 1);
}

/* The shared page of zeros is nobody's memory. */
static void smaps_counts_what_is_touched(void)
{
    char *pages = map_pages(16);

    CHECK_EQ(smaps_kb(pages, "Size"), 64);
    CHECK_EQ(smaps_kb(pages, "Rss"), 0);
    memset(pages, 1, 4 * PAGE);
    for (int i = 4; i < 8; i++)
        CHECK_EQ(peek(pages + i * PAGE), 0);
    CHECK_EQ(smaps_kb(pages, "Rss"), 16);
    CHECK_EQ(smaps_kb(pages, "Pss"), 16);
    CHECK_EQ(smaps_kb(pages, "Private_Dirty"), 16);
    CHECK_EQ(smaps_kb(pages, "Anonymous"), 16);
    CHECK_EQ(smaps_kb(pages, "Referenced"), 16);
    unmap_pages(pages, 16);
}

/* A child that has everything in common with its parent, page tables too, and then less. */
static void smaps_divides_what_is_shared(void)
{
    char *pages = map_pages(8);
    struct held_child child;

    memset(pages, 1, 8 * PAGE);
    hold_child(&child, wait_for_ever, NULL);
    CHECK_EQ(smaps_kb(pages, "Rss"), 32);
    CHECK_EQ(smaps_kb(pages, "Shared_Dirty"), 32);
    CHECK_EQ(smaps_kb(pages, "Private_Dirty"), 0);
    CHECK_EQ(smaps_kb(pages, "Pss"), 16);
    memset(pages, 2, 2 * PAGE);
    CHECK_EQ(smaps_kb(pages, "Rss"), 32);
    CHECK_EQ(smaps_kb(pages, "Private_Dirty"), 8);
    CHECK_EQ(smaps_kb(pages, "Shared_Dirty"), 24);
    CHECK_EQ(smaps_kb(pages, "Pss"), 20);
    CHECK_OK(kill(child.pid, SIGKILL));
    CHECK(killed_by(release_child(&child), SIGKILL));
    CHECK_EQ(smaps_kb(pages, "Private_Dirty"), 32);
    CHECK_EQ(smaps_kb(pages, "Pss"), 32);
    unmap_pages(pages, 8);
}

static void smaps_tells_files_from_memory(void)
{
    static const char text[PAGE] = "text";

    temp_dir_enter();
    int fd = create_file("file", text, PAGE);
    char *page = CHECK_OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));

    CHECK_EQ(peek(page), 't');
    CHECK_EQ(smaps_kb(page, "Anonymous"), 0);
    CHECK_EQ(smaps_kb(page, "Rss"), 4);
    CHECK_EQ(smaps_kb(page, "Pss"), 4); /* the cache is no process */
    poke(page, 'T');
    CHECK_EQ(smaps_kb(page, "Rss"), 4);
    CHECK_EQ(smaps_kb(page, "Anonymous"), 4);
    CHECK_EQ(smaps_kb(page, "Private_Dirty"), 4);
    unmap_pages(page, 1);
    CHECK_OK(close(fd));
    CHECK_OK(unlink("file"));
    temp_dir_leave();
}

static void smaps_names_the_rights(void)
{
    char *page = map_pages(1);

    CHECK(strstr(smaps_text(page, "VmFlags"), " rd wr mr mw me"));
    CHECK_OK(mprotect(page, PAGE, PROT_READ));
    CHECK(strstr(smaps_text(page, "VmFlags"), " rd mr mw me"));
    CHECK_OK(mprotect(page, PAGE, PROT_NONE));
    CHECK(strstr(smaps_text(page, "VmFlags"), " mr mw me"));
    unmap_pages(page, 1);
}

/* statm */

static void statm_agrees_with_status(void)
{
    unsigned long n[7];
    char *text;

    text_of("/proc/self/statm", &text);
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

/* Whether a signal is in a set that status shows. */
static bool mask_has(const char *key, int signal)
{
    struct mask_query query = {.key = key};

    lines_of("/proc/self/status", match_mask, &query);
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

enum { STAT_FIELDS = 52 };

/* The fields of /proc/PID/stat as proc(5) numbers them; those that are no numbers are 0. */
static void stat_read(const char *path, unsigned long field[STAT_FIELDS + 1], char *state)
{
    char *text, *next;
    int n = 3;

    text_of(path, &text);
    memset(field, 0, (STAT_FIELDS + 1) * sizeof(field[0]));
    field[1] = strtoul(text, NULL, 10);
    next = strrchr(text, ')');
    CHECK(next && next[1] == ' ');
    *state = next[2];
    for (next += 3; *next == ' ' && n < STAT_FIELDS; next++) {
        char *end;
        field[++n] = strtoul(next, &end, 10);
        CHECK(end > next);
        next = end - 1;
    }
    CHECK_EQ(n, STAT_FIELDS);
    CHECK(*next == '\n' && next[1] == '\0');
}

static char **arguments;

static void stat_has_all_fields(void)
{
    unsigned long field[STAT_FIELDS + 1], here = (uintptr_t)stat_has_all_fields;
    struct region stack;
    char state;

    stat_read("/proc/self/stat", field, &state);
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

/* cmdline */

static bool is_text_of(const char *path, const char *text, size_t len)
{
    char *found;

    return text_of(path, &found) == len && memcmp(found, text, len) == 0;
}

static void cmdline_shows_the_arguments(void)
{
    char *text, *next;
    size_t len = text_of("/proc/self/cmdline", &text);

    next = text;
    for (char **argument = arguments; *argument; argument++) {
        CHECK(strcmp(next, *argument) == 0);
        next += strlen(next) + 1;
    }
    CHECK_EQ(next - text, len);
}

/* They are on the stack, so the program may change them. */
static void cmdline_follows_the_program(void)
{
    char first = arguments[0][0], *text;

    arguments[0][0] = '!';
    text_of("/proc/self/cmdline", &text);
    CHECK_EQ(text[0], '!');
    arguments[0][0] = first;
}

static void gate_run_again(void *gate)
{
    char number[16];

    snprintf(number, sizeof(number), "%d", ((struct gate *)gate)->fds[1]);
    execve(self_path(), (char *[]){"two words", "tell-and-wait", number, "", NULL},
           (char *[]){"NAME=value", NULL});
}

static void cmdline_of_another_program(void)
{
    static const char expected[] = "two words\0tell-and-wait\0" /* the descriptor */;
    struct gate gate = gate_make();
    pid_t pid = start_child(gate_run_again, &gate);
    char path[64], *text;

    gate_pass(&gate);
    snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    size_t len = text_of(path, &text);
    CHECK(len > sizeof(expected));
    CHECK(memcmp(text, expected, sizeof(expected) - 1) == 0);
    CHECK_EQ(text[len - 1] | text[len - 2], 0); /* the empty one */
    snprintf(path, sizeof(path), "/proc/%d/environ", pid);
    CHECK(is_text_of(path, "NAME=value", sizeof("NAME=value")));
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
    gate_destroy(&gate);
}

static void end_at_once(void *unused)
{
    (void)unused;
}

/* A process that has ended and has not been waited for has a name and a state, but no memory. */
static void zombies_have_nothing(void)
{
    sigset_t child_signal, before;
    unsigned long field[STAT_FIELDS + 1];
    char path[64], state, *text;
    int base;

    sigemptyset(&child_signal);
    sigaddset(&child_signal, SIGCHLD);
    CHECK_OK(sigprocmask(SIG_BLOCK, &child_signal, &before));
    pid_t pid = start_child(end_at_once, NULL);
    CHECK_EQ(CHECK_OK(sigwaitinfo(&child_signal, NULL)), SIGCHLD);

    base = snprintf(path, sizeof(path), "/proc/%d/", pid);
    strcpy(path + base, "stat");
    stat_read(path, field, &state);
    CHECK_EQ(state, 'Z');
    CHECK_EQ(field[23], 0);
    strcpy(path + base, "status");
    CHECK_EQ(number_in(path, "Pid"), pid);
    CHECK_EQ(number_in(path, "VmSize"), -1);
    strcpy(path + base, "cmdline");
    CHECK_EQ(text_of(path, &text), 0);
    strcpy(path + base, "maps");
    CHECK_EQ(text_of(path, &text), 0);
    strcpy(path + base, "exe");
    CHECK_ERR(ENOENT, readlink(path, (char[8]){0}, 8));
    CHECK(exited_with(wait_child(pid), 0));
    CHECK_OK(sigprocmask(SIG_SETMASK, &before, NULL));
}

static void gone_processes_are_not_read(void)
{
    static const char *const names[] = {"status", "stat", "statm", "cmdline", "comm"};
    struct held_child child;
    int fds[ARRAY_SIZE(names)];
    char path[64], byte;

    hold_child(&child, wait_for_ever, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(path, sizeof(path), "/proc/%d/%s", child.pid, names[i]);
        fds[i] = CHECK_OK(open(path, O_RDONLY));
    }
    CHECK_OK(kill(child.pid, SIGKILL));
    CHECK(killed_by(release_child(&child), SIGKILL));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        CHECK_ERR(ESRCH, read(fds[i], &byte, 1));
        CHECK_OK(close(fds[i]));
    }
}

/* Links */

static bool link_is(const char *path, const char *target)
{
    char found[512];
    ssize_t len = CHECK_OK(readlink(path, found, sizeof(found) - 1));

    found[len] = '\0';
    if (strcmp(found, target) != 0)
        note("%s is %s, not %s", path, found, target);
    return strcmp(found, target) == 0;
}

static void links_lead_to_program_and_directory(void)
{
    struct stat program, same;
    char directory[128];

    temp_dir_enter();
    CHECK(getcwd(directory, sizeof(directory)));
    CHECK(link_is("/proc/self/cwd", directory));
    CHECK_OK(stat(self_path(), &program));
    CHECK_OK(stat("/proc/self/exe", &same));
    CHECK_EQ(program.st_ino, same.st_ino);
    temp_dir_leave();
    CHECK(link_is("/proc/self/cwd", "/"));
}

static void descriptors_are_links(void)
{
    char directory[128], path[256], link[64];
    struct stat status;
    int fds[2];

    temp_dir_enter();
    CHECK(getcwd(directory, sizeof(directory)));
    int fd = create_file("file", "x", 1);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    snprintf(path, sizeof(path), "%s/file", directory);
    CHECK(link_is(link, path));
    CHECK_OK(unlink("file"));
    strcat(path, " (deleted)");
    CHECK(link_is(link, path));
    CHECK_OK(close(fd));
    CHECK_ERR(ENOENT, readlink(link, path, sizeof(path)));

    make_pipe(fds);
    CHECK_OK(fstat(fds[0], &status));
    snprintf(path, sizeof(path), "pipe:[%lu]", (unsigned long)status.st_ino);
    for (int i = 0; i < 2; i++) {
        snprintf(link, sizeof(link), "/proc/%d/fd/%d", getpid(), fds[i]);
        CHECK(link_is(link, path));
        CHECK_OK(close(fds[i]));
    }
    temp_dir_leave();
}

static void descriptors_are_listed(void)
{
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry;
    int count = 0, expected = 0;

    CHECK(directory);
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] != '.') {
            CHECK_OK(fcntl(atoi(entry->d_name), F_GETFD));
            count++;
        }
    }
    for (int fd = 0; fd < 1024; fd++)
        expected += fcntl(fd, F_GETFD) >= 0;
    CHECK_EQ(count, expected);
    closedir(directory);
}

/* A process that changes while it is looked at */

/* Reads a file to its end, whatever it says. It may be gone, but nothing else may be wrong. */
static void read_whatever_it_says(const char *path)
{
    char bytes[512];
    ssize_t len;
    int fd = open(path, O_RDONLY);

    if (fd < 0) {
        CHECK(errno == ENOENT || errno == ESRCH);
        return;
    }
    while ((len = read(fd, bytes, sizeof(bytes))) > 0)
        ;
    CHECK(len == 0 || errno == ESRCH);
    CHECK_OK(close(fd));
}

static void watch_until_it_ends(pid_t pid)
{
    static const char *const names[] = {"maps",    "smaps", "status", "stat",
                                        "cmdline", "statm", "environ"};
    int status;
    char path[64], target[512];

    while (CHECK_OK(waitpid(pid, &status, WNOHANG)) == 0) {
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
            snprintf(path, sizeof(path), "/proc/%d/%s", pid, names[i]);
            read_whatever_it_says(path);
        }
        snprintf(path, sizeof(path), "/proc/%d/exe", pid);
        CHECK(readlink(path, target, sizeof(target)) > 0 || errno == ENOENT || errno == ESRCH);
        snprintf(path, sizeof(path), "/proc/%d/fd/0", pid);
        CHECK(readlink(path, target, sizeof(target)) > 0 || errno == ENOENT || errno == ESRCH);
    }
    CHECK(exited_with(status, 0));
}

/* Changes the memory of this process in many ways, and shares it with children. */
static void change_memory(void *unused)
{
    (void)unused;
    for (int i = 0; i < 40; i++) {
        char *pages = map_pages(64);
        memset(pages, 1, 64 * PAGE);
        CHECK_OK(mprotect(pages + 8 * PAGE, 8 * PAGE, PROT_READ));
        pid_t child = CHECK_OK(fork());
        if (child == 0)
            _exit(0);
        memset(pages, 2, 8 * PAGE);
        CHECK(exited_with(wait_child(child), 0));
        unmap_pages(pages, 64);
    }
}

static void memory_may_change_meanwhile(void)
{
    watch_until_it_ends(start_child(change_memory, NULL));
}

static void run_again(void *count)
{
    execv(self_path(), (char *[]){(char *)self_path(), "run-again", count, NULL});
}

static void programs_may_change_meanwhile(void)
{
    watch_until_it_ends(start_child(run_again, "20"));
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

/* The rest of what is of the machine */

static void loadavg_can_be_parsed(void)
{
    unsigned hundredths[3], running, threads;
    int last, whole[3];
    char *text;

    CHECK(exits_with(0, end_at_once, NULL));
    text_of("/proc/loadavg", &text);
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

    text_of("/proc/stat", &text);
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

    CHECK(exits_with(0, end_at_once, NULL));
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

    lines_of("/proc/cpuinfo", note_cpu, &count);
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

/* Not "/", which is no mount in who was put into a directory by chroot. */
static void mounts_lists_file_systems(void)
{
    bool found = false;

    lines_of("/proc/mounts", note_mount, &found);
    CHECK(found);
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

/* What the program does when it runs itself. */
static void play(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "tell-and-wait") == 0) {
        const struct gate gate = {.fds = {-1, atoi(argv[2])}};
        gate_open(&gate);
        wait_for_ever(NULL);
    }
    if (argc > 2 && strcmp(argv[1], "run-again") == 0) {
        char left[16];
        snprintf(left, sizeof(left), "%d", atoi(argv[2]) - 1);
        if (atoi(argv[2]) > 0)
            run_again(left);
        exit(0);
    }
}

int main(int argc, char **argv)
{
    arguments = argv;
    play(argc, argv);
    RUN(maps_can_be_parsed);
    RUN(maps_show_the_parts_of_a_program);
    RUN(maps_follow_mmap);
    RUN(nothing_is_writable_and_executable);
    RUN(files_can_be_read_in_pieces);
    RUN(smaps_is_about_every_region);
    RUN(smaps_counts_what_is_touched);
    RUN(smaps_divides_what_is_shared);
    RUN(smaps_tells_files_from_memory);
    RUN(smaps_names_the_rights);
    RUN(statm_agrees_with_status);
    RUN(status_names_the_process);
    RUN(status_names_the_program);
    RUN(status_counts_memory);
    RUN(status_counts_kinds_of_memory);
    RUN(status_shows_signals);
    RUN(stat_has_all_fields);
    RUN(cmdline_shows_the_arguments);
    RUN(cmdline_follows_the_program);
    RUN(cmdline_of_another_program);
    RUN(zombies_have_nothing);
    RUN(gone_processes_are_not_read);
    RUN(links_lead_to_program_and_directory);
    RUN(descriptors_are_links);
    RUN(descriptors_are_listed);
    RUN(memory_may_change_meanwhile);
    RUN(programs_may_change_meanwhile);
    RUN(each_process_has_its_own);
    RUN(processes_are_listed_while_they_live);
    RUN(meminfo_is_plausible);
    RUN_ON_PAGODA(meminfo_follows_what_is_touched);
    RUN(loadavg_can_be_parsed);
    RUN(stat_counts_the_cpus_time);
    RUN(stat_counts_forks);
    RUN(cpuinfo_counts_cpus);
    RUN(mounts_lists_file_systems);
    RUN(vmstat_can_be_parsed);
    RUN_ON_PAGODA(vmstat_has_what_the_runner_compares);
    RUN_ON_PAGODA(faults_are_counted);
    return test_end();
}
