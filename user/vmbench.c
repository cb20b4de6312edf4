/* vmbench: measures the cost of each path of virtual memory, and prints a line for each.

   The unit is that of the time-stamp counter. Under QEMU's -icount shift=0 (`make bench`) it is one
   instruction, and every run gives the same numbers. Elsewhere it is a fraction of a nanosecond,
   for a rough comparison. The program runs on Linux too. Each figure is the mean over a loop, or
   the smallest of a few runs where a loop would create processes, or grow what it measures. */

#define _GNU_SOURCE /* memfd_create */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"

#define PAGE  4096UL
#define MIB   (1UL << 20)
#define LOOPS 1000
#define TRIES 5

static uint64_t now(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static void report(const char *what, uint64_t cost)
{
    printf("%-28s %10llu\n", what, (unsigned long long)cost);
    fflush(stdout);
}

static void check(int ok, const char *what)
{
    if (ok)
        return;
    complain_errno("%s", what);
    _exit(1);
}

static char *map(size_t len)
{
    char *start = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    check(start != MAP_FAILED, "mmap");
    return start;
}

static void touch(char *start, size_t len)
{
    for (size_t n = 0; n < len; n += PAGE)
        *(volatile char *)(start + n) = 1;
}

static void bench_syscall(int calls)
{
    uint64_t start = now();

    for (int n = 0; n < calls; n++)
        syscall(SYS_getppid);
    report("system call", (now() - start) / calls);
}

static void bench_first_touch(int count)
{
    char *pages = map((count + 1) * PAGE);

    touch(pages, PAGE); /* makes the page tables */
    uint64_t start = now();
    touch(pages + PAGE, count * PAGE);
    report("first touch of a page", (now() - start) / count);
    munmap(pages, (count + 1) * PAGE);
}

/* Measures copy-on-write: a child writes to pages that it shares with its parent, and reports the
   cost of each. */
static void bench_copy_on_write(int count)
{
    int fds[2];
    uint64_t cost;
    char *pages = map((count + 1) * PAGE);

    touch(pages, (count + 1) * PAGE);
    check(pipe(fds) == 0, "pipe");
    pid_t pid = fork();
    check(pid >= 0, "fork");
    if (pid == 0) {
        touch(pages, PAGE); /* makes the page tables the child's own */
        uint64_t start = now();
        touch(pages + PAGE, count * PAGE);
        cost = (now() - start) / count;
        _exit(write(fds[1], &cost, sizeof(cost)) != sizeof(cost));
    }
    check(read(fds[0], &cost, sizeof(cost)) == sizeof(cost), "read");
    waitpid(pid, NULL, 0);
    report("copy-on-write of a page", cost);
    close(fds[0]);
    close(fds[1]);
    munmap(pages, (count + 1) * PAGE);
}

/* Returns the cost of one fork for the parent. If `whole`, includes the child's exit and its
   reaping. */
static uint64_t fork_once(int whole)
{
    uint64_t start = now();
    pid_t pid = fork();

    check(pid >= 0, "fork");
    if (pid == 0)
        _exit(0);
    uint64_t cost = whole ? 0 : now() - start;
    waitpid(pid, NULL, 0);
    return whole ? now() - start : cost;
}

static uint64_t best_fork(int whole)
{
    uint64_t best = UINT64_MAX;

    for (int n = 0; n < TRIES; n++) {
        uint64_t cost = fork_once(whole);

        best = cost < best ? cost : best;
    }
    return best;
}

static void bench_fork(int mib)
{
    char what[64], *memory = mib ? map(mib * MIB) : NULL;

    if (memory)
        touch(memory, mib * MIB);
    snprintf(what, sizeof(what), "fork, %d MiB touched", mib);
    report(what, best_fork(0));
    snprintf(what, sizeof(what), "fork+exit+wait, %d MiB", mib);
    report(what, best_fork(1));
    if (memory)
        munmap(memory, mib * MIB);
}

static void bench_exec(int tries)
{
    const char *self = (const char *)getauxval(AT_EXECFN); /* a full path; argv[0] may be none */
    uint64_t best = UINT64_MAX;
    int status;

    for (int n = 0; n < tries; n++) {
        uint64_t start = now();
        pid_t pid = fork();

        check(pid >= 0, "fork");
        if (pid == 0) {
            execl(self, self, "-", (char *)NULL);
            check(0, self);
        }
        waitpid(pid, &status, 0);
        if (status != 0)
            exit(EXIT_FAILURE); /* the child has printed the reason */
        uint64_t cost = now() - start;
        best = cost < best ? cost : best;
    }
    report("fork+exec+exit+wait", best);
}

/* Returns the cost of sending a byte to a child and back, which takes two context switches. */
static uint64_t round_trip(int trips)
{
    int there[2], back[2];
    char byte = 0;

    check(pipe(there) == 0 && pipe(back) == 0, "pipe");
    pid_t pid = fork();
    check(pid >= 0, "fork");
    if (pid == 0) {
        close(there[1]);
        while (read(there[0], &byte, 1) == 1)
            check(write(back[1], &byte, 1) == 1, "write");
        _exit(0);
    }
    uint64_t start = now();
    for (int n = 0; n < trips; n++)
        check(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1, "pipe");
    uint64_t cost = (now() - start) / trips;
    close(there[1]);
    waitpid(pid, NULL, 0);
    close(there[0]);
    close(back[0]);
    close(back[1]);
    return cost;
}

static void bench_pipe(int trips)
{
    report("pipe round trip", round_trip(trips));
}

/* ---- Costs that could grow with what there is ---- */

static void report_with(const char *what, int count, const char *noun, uint64_t cost)
{
    char line[64];

    snprintf(line, sizeof(line), "%s, %d %s", what, count, noun);
    report(line, cost);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static char *map_at(char *at, size_t len, int prot)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0);
    char *start = mmap(at, len, prot, flags, -1, 0);

    check(start != MAP_FAILED, "mmap");
    return start;
}

static void unmap(char *start, size_t len)
{
    check(munmap(start, len) == 0, "munmap");
}

/* Measures the first read of a list of `count` regions, and the rest of it, for each line. */
static void bench_maps(int count)
{
    static char text[2 * PAGE];
    ssize_t len;
    uint64_t lines = 0, start;
    int fd = open("/proc/self/maps", O_RDONLY);

    if (fd < 0)
        return; /* the first process of Linux has no /proc */
    start = now();
    check(read(fd, text, sizeof(text)) > 0, "/proc/self/maps");
    report_with("first read of maps", count, "regions", now() - start);
    start = now();
    while ((len = read(fd, text, sizeof(text))) > 0)
        for (ssize_t n = 0; n < len; n++)
            lines += text[n] == '\n';
    if (lines)
        report_with("line of maps", count, "regions", (now() - start) / lines);
    close(fd);
}

/* Maps `count` single pages with holes of a page between them. Measures a mapping that fits into
   none of the holes, a fault in the region in the middle, and the unmapping of this region. */
static void bench_regions(int count)
{
    uint64_t mapping = UINT64_MAX, fault = UINT64_MAX, unmapping = UINT64_MAX;
    size_t len = 2 * PAGE * count;
    char *pages = map_at(NULL, len, PROT_NONE), *middle = pages + 2 * PAGE * (count / 2);

    unmap(pages, len);
    for (int n = 0; n < count; n++)
        map_at(pages + 2 * PAGE * n, PAGE, PROT_READ | PROT_WRITE);
    touch(middle, PAGE); /* makes the page tables */
    for (int n = 0; n < TRIES; n++) {
        check(madvise(middle, PAGE, MADV_DONTNEED) == 0, "madvise");
        uint64_t start = now();
        touch(middle, PAGE);
        fault = least(fault, now() - start);

        start = now();
        char *more = map_at(NULL, 2 * PAGE, PROT_READ);
        mapping = least(mapping, now() - start);
        unmap(more, 2 * PAGE);

        start = now();
        unmap(middle, PAGE);
        unmapping = least(unmapping, now() - start);
        map_at(middle, PAGE, PROT_READ | PROT_WRITE);
        touch(middle, PAGE);
    }
    report_with("mmap", count, "regions", mapping);
    bench_maps(count);
    report_with("fault", count, "regions", fault);
    report_with("munmap", count, "regions", unmapping);
    unmap(pages, len);
}

static char *map_file(int fd)
{
    char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    check(page != MAP_FAILED, "mmap");
    return page;
}

/* Maps the file, touches its page, and stays until the other end of `end` is closed. */
static void share_file(int fd, int ready, int end)
{
    char byte = 0;

    touch(map_file(fd), PAGE);
    check(write(ready, &byte, 1) == 1, "write");
    _exit(read(end, &byte, 1) != 0);
}

/* Measures what it costs to map, unmap and truncate a file that `count` processes map. */
static void bench_sharers(int count)
{
    uint64_t mapping = UINT64_MAX, unmapping = UINT64_MAX;
    int ready[2], end[2], fd = memfd_create("vmbench", 0);
    char byte;

    check(fd >= 0 && ftruncate(fd, PAGE) == 0, "memfd_create");
    check(pipe(ready) == 0 && pipe(end) == 0, "pipe");
    for (int n = 0; n < count; n++) {
        pid_t pid = fork();

        check(pid >= 0, "fork");
        if (pid == 0) {
            close(end[1]);
            share_file(fd, ready[1], end[0]);
        }
    }
    for (int n = 0; n < count; n++)
        check(read(ready[0], &byte, 1) == 1, "read");
    for (int n = 0; n < TRIES; n++) {
        uint64_t start = now();
        char *page = map_file(fd);
        mapping = least(mapping, now() - start);

        touch(page, PAGE);
        start = now();
        unmap(page, PAGE);
        unmapping = least(unmapping, now() - start);
    }
    uint64_t start = now();
    check(ftruncate(fd, 0) == 0, "ftruncate");
    uint64_t truncation = now() - start;
    close(end[1]);
    for (int n = 0; n < count; n++)
        check(wait(NULL) > 0, "wait");
    report_with("mmap", count, "share a file", mapping);
    report_with("munmap", count, "share a file", unmapping);
    report_with("truncate", count, "share a file", truncation);
    close(ready[0]);
    close(ready[1]);
    close(end[0]);
    close(fd);
}

/* Sleeps in poll until the other end of `fd` is closed. */
static void sleep_in_poll(int fd, int ready)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};

    check(write(ready, "", 1) == 1, "write");
    check(poll(&polled, 1, -1) == 1, "poll");
    _exit(0);
}

/* Measures a round trip through pipes while `count` processes sleep in poll, on another pipe. */
static void bench_pollers(int count)
{
    int never[2], ready[2];
    char byte;

    check(pipe(never) == 0 && pipe(ready) == 0, "pipe");
    for (int n = 0; n < count; n++) {
        pid_t pid = fork();

        check(pid >= 0, "fork");
        if (pid == 0) {
            close(never[1]);
            sleep_in_poll(never[0], ready[1]);
        }
        check(read(ready[0], &byte, 1) == 1, "read");
    }
    report_with("pipe round trip", count, "in poll", round_trip(LOOPS));
    close(never[1]);
    for (int n = 0; n < count; n++)
        check(wait(NULL) > 0, "wait");
    close(never[0]);
    close(ready[0]);
    close(ready[1]);
}

/* Becomes a group of its own, and sleeps until the other end of `end` is closed. */
static void lead_group(int ready, int end)
{
    char byte;

    check(setpgid(0, 0) == 0, "setpgid");
    check(write(ready, "", 1) == 1, "write");
    _exit(read(end, &byte, 1) != 0);
}

/* Measures what a parent of `count` groups does. A child that leads a group is made and ends; one
   of the others is waited for; the parent's own group gets a signal. */
static void use_groups(int count, pid_t last)
{
    uint64_t exits = UINT64_MAX, waits = UINT64_MAX, kills = UINT64_MAX;

    for (int n = 0; n < TRIES; n++) {
        uint64_t start = now();
        pid_t pid = fork();
        check(pid >= 0, "fork");
        if (pid == 0)
            _exit(setpgid(0, 0) != 0);
        check(waitpid(pid, NULL, 0) == pid, "waitpid");
        exits = least(exits, now() - start);

        start = now();
        check(waitpid(last, NULL, WNOHANG) == 0, "waitpid");
        waits = least(waits, now() - start);

        start = now();
        check(kill(0, 0) == 0, "kill");
        kills = least(kills, now() - start);
    }
    report_with("fork+exit+wait", count, "groups", exits);
    report_with("waitpid", count, "groups", waits);
    report_with("kill(0, 0)", count, "groups", kills);
}

/* Makes the groups, measures, and ends when the other end of `go` is closed. */
static void lead_groups(int count, int ready, int end, int go)
{
    pid_t last = 0;
    char byte;

    check(setpgid(0, 0) == 0, "setpgid");
    for (int n = 0; n < count; n++) {
        last = fork();
        check(last >= 0, "fork");
        if (last == 0)
            lead_group(ready, end);
    }
    for (int n = 0; n < TRIES; n++)
        sched_yield(); /* until the last one sleeps */
    use_groups(count, last);
    check(write(ready, "", 1) == 1, "write");
    _exit(read(go, &byte, 1) != 0);
}

/* Measures a parent of `count` groups, and its end. */
static void bench_groups(int count)
{
    int ready[2], end[2], go[2];
    char byte;

    check(pipe(ready) == 0 && pipe(end) == 0 && pipe(go) == 0, "pipe");
    pid_t pid = fork();
    check(pid >= 0, "fork");
    if (pid == 0) {
        close(ready[0]);
        close(end[1]);
        close(go[1]);
        lead_groups(count, ready[1], end[0], go[0]);
    }
    close(ready[1]);
    for (int n = 0; n <= count; n++)
        check(read(ready[0], &byte, 1) == 1, "read");
    uint64_t start = now();
    close(go[1]);
    check(waitpid(pid, NULL, 0) == pid, "waitpid");
    report_with("end of a parent", count, "groups", now() - start);
    close(end[1]);
    check(read(ready[0], &byte, 1) == 0, "read"); /* all have ended */
    while (wait(NULL) > 0)
        ; /* those that are ours, if this is the first process */
    close(ready[0]);
    close(end[0]);
    close(go[0]);
}

/* Measures the search for a free descriptor behind `count` others. */
static void bench_descriptors(int count)
{
    uint64_t cost = UINT64_MAX;
    int first = dup(0), last = first;

    check(first >= 0, "dup");
    for (int n = 1; n < count; n++)
        check((last = dup(0)) >= 0, "dup");
    for (int n = 0; n < TRIES; n++) {
        uint64_t start = now();
        int fd = dup(0);
        cost = least(cost, now() - start);
        close(fd);
    }
    while (last >= first)
        close(last--);
    report_with("dup", count, "descriptors", cost);
}

/* ---- All ---- */

/* The benchmarks, each with the counts that it gets: of operations, of MiB, or of what there is. */
static const struct benchmark {
    const char *name;
    void (*run)(int count);
    int counts[4], counts_len;
} benchmarks[] = {
    {"syscall", bench_syscall, {LOOPS}, 1},
    {"touch", bench_first_touch, {255}, 1},
    {"cow", bench_copy_on_write, {255}, 1},
    {"fork", bench_fork, {0, 1, 64}, 3},
    {"exec", bench_exec, {TRIES}, 1},
    {"pipe", bench_pipe, {LOOPS}, 1},
    {"regions", bench_regions, {1, 100, 10000, 50000}, 4},
    {"sharers", bench_sharers, {1, 10, 100, 1000}, 4},
    {"pollers", bench_pollers, {1, 10, 100, 1000}, 4},
    {"groups", bench_groups, {1, 10, 100, 1000}, 4},
    {"descriptors", bench_descriptors, {1, 10, 100, 1000}, 4},
};
#define BENCHMARKS (sizeof(benchmarks) / sizeof(benchmarks[0]))

static void run_all_counts(const struct benchmark *benchmark)
{
    for (int n = 0; n < benchmark->counts_len; n++)
        benchmark->run(benchmark->counts[n]);
}

static const struct benchmark *benchmark_find(const char *name)
{
    for (size_t n = 0; n < BENCHMARKS; n++)
        if (strcmp(benchmarks[n].name, name) == 0)
            return &benchmarks[n];
    complain("there is no benchmark %s; choose one of these:", name);
    for (size_t n = 0; n < BENCHMARKS; n++)
        fprintf(stderr, "    %s\n", benchmarks[n].name);
    exit(EXIT_FAILURE);
}

/* vmbench [NAME [COUNT]]: runs one benchmark, with its own counts or with COUNT; or all. */
int main(int argc, char **argv)
{
    const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};

    if (argc > 1 && strcmp(argv[1], "-") == 0)
        return 0; /* the program that bench_exec starts */
    check(setrlimit(RLIMIT_NPROC, &none) == 0, "setrlimit");
    if (argc > 1) {
        const struct benchmark *benchmark = benchmark_find(argv[1]);
        int count = argc > 2 ? atoi(argv[2]) : 0;

        if (argc > 3 || (argc == 3 && count < 1))
            usage("[NAME [COUNT]]");
        if (argc == 3)
            benchmark->run(count);
        else
            run_all_counts(benchmark);
        return 0;
    }
    for (size_t n = 0; n < BENCHMARKS; n++)
        run_all_counts(&benchmarks[n]);
    return 0;
}
