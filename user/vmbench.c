/* vmbench: measures the cost of each path of virtual memory, and prints a line for each.

   The unit is that of the time-stamp counter. Under QEMU's -icount shift=0 (`make bench`) it is one
   instruction, and every run gives the same numbers. Elsewhere it is a fraction of a nanosecond,
   for a rough comparison. The program runs on Linux too. Each figure is the mean over a loop, or
   the smallest of a few runs where a loop would create processes, or grow what it measures. */

#define _GNU_SOURCE /* memfd_create, REG_RIP */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
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
#include <ucontext.h>
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

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
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

static void unmap(char *start, size_t len)
{
    check(munmap(start, len) == 0, "munmap");
}

/* Reads each page, and returns the cost of one. */
static uint64_t look(const char *start, int count)
{
    uint64_t begin = now();

    for (int n = 0; n < count; n++)
        (void)*(const volatile char *)(start + n * PAGE);
    return (now() - begin) / count;
}

/* Returns a file of `count` pages, which are in memory. */
static int file_of(int count)
{
    static const char page[PAGE];
    int fd = memfd_create("vmbench", 0);

    check(fd >= 0, "memfd_create");
    for (int n = 0; n < count; n++)
        check(write(fd, page, PAGE) == PAGE, "write");
    return fd;
}

/* Measures the first read of pages that nobody has written, and of pages of a file. */
static void bench_read_fault(int count)
{
    size_t len = (count + 1) * PAGE;
    char *pages = map(len);
    int fd = file_of(count + 1);

    look(pages, 1); /* makes the page tables */
    report("read fault, zero page", look(pages + PAGE, count));
    unmap(pages, len);
    pages = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    check(pages != MAP_FAILED, "mmap");
    look(pages, 1);
    report("read fault, page of a file", look(pages + PAGE, count));
    unmap(pages, len);
    close(fd);
}

/* Measures the growth of the stack, downwards from a page that it has. Its pages are given back, so
   that later figures do not include their copies. */
static void bench_stack(int count)
{
    char low[(count + 2) * PAGE], *pages = low + PAGE - (uintptr_t)low % PAGE;

    touch(pages + count * PAGE, PAGE);
    uint64_t start = now();
    for (int n = count - 1; n >= 0; n--)
        *(volatile char *)(pages + n * PAGE) = 1;
    report("stack fault", (now() - start) / count);
    check(madvise(pages, count * PAGE, MADV_DONTNEED) == 0, "madvise");
}

/* Measures mappings that are made and given back, of one page and of many. */
static void bench_map(int count)
{
    uint64_t start = now();

    for (int n = 0; n < count; n++)
        unmap(map(PAGE), PAGE);
    report("mmap+munmap, untouched", (now() - start) / count);
    start = now();
    for (int n = 0; n < count; n++) {
        char *page = map(PAGE);

        touch(page, PAGE);
        unmap(page, PAGE);
    }
    report("mmap+munmap, touched", (now() - start) / count);
    start = now();
    char *pages = map(count * PAGE);
    touch(pages, count * PAGE);
    unmap(pages, count * PAGE);
    report("a page of a large mapping", (now() - start) / count);
}

/* Measures a change of the rights of one touched page, which is a region by itself. */
static void bench_protect(int calls)
{
    char *pages = map(3 * PAGE), *page = pages + PAGE;

    touch(pages, 3 * PAGE);
    check(mprotect(pages, PAGE, PROT_NONE) == 0, "mprotect");
    check(mprotect(page + PAGE, PAGE, PROT_NONE) == 0, "mprotect");
    uint64_t start = now();
    for (int n = 0; n < calls; n++)
        check(mprotect(page, PAGE, n % 2 ? PROT_READ | PROT_WRITE : PROT_READ) == 0, "mprotect");
    report("mprotect of a page", (now() - start) / calls);
    unmap(pages, 3 * PAGE);
}

/* Measures read and write of a page of a file that is in memory. */
static void bench_file(int calls)
{
    static char buffer[PAGE];
    int fd = file_of(1);
    uint64_t start;

    memset(buffer, 1, PAGE);
    start = now();
    for (int n = 0; n < calls; n++)
        check(pread(fd, buffer, PAGE, 0) == PAGE, "pread");
    report("read, 4 KiB", (now() - start) / calls);
    start = now();
    for (int n = 0; n < calls; n++)
        check(pwrite(fd, buffer, PAGE, 0) == PAGE, "pwrite");
    report("write, 4 KiB", (now() - start) / calls);
    start = now();
    for (int n = 1; n <= calls; n++)
        check(pwrite(fd, buffer, PAGE, n * PAGE) == PAGE, "pwrite");
    report("write, 4 KiB, a new page", (now() - start) / calls);
    close(fd);
}

/* The load that faults is two bytes long. */
static void skip_load(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)info;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
}

/* Measures a fault that becomes a signal, its handler, and the way back. */
static void bench_segv(int faults)
{
    struct sigaction action = {.sa_sigaction = skip_load, .sa_flags = SA_SIGINFO};
    char *page = map(PAGE);

    check(mprotect(page, PAGE, PROT_NONE) == 0, "mprotect");
    check(sigaction(SIGSEGV, &action, NULL) == 0, "sigaction");
    uint64_t start = now();
    for (int n = 0; n < faults; n++)
        __asm__ volatile("movb (%%rax), %%cl" : : "a"(page) : "rcx", "memory");
    report("signal of a fault", (now() - start) / faults);
    signal(SIGSEGV, SIG_DFL);
    unmap(page, PAGE);
}

/* ---- Threads ---- */

/* Of linux/futex.h, which is not there everywhere. */
#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129

static uint32_t turn; /* of the thread that may go on */

/* Sleeps until it is the turn of `mine`, and gives the turn to `other`. */
static void take_turn(uint32_t mine, uint32_t other)
{
    uint32_t now;

    while ((now = __atomic_load_n(&turn, __ATOMIC_SEQ_CST)) != mine)
        syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, now, NULL);
    __atomic_store_n(&turn, other, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1);
}

static void *take_turns(void *count)
{
    for (int n = *(int *)count; n > 0; n--)
        take_turn(1, 0);
    return NULL;
}

/* Measures two threads that wait for each other: a wait and a wake of both. */
static void bench_futex(int trips)
{
    pthread_t thread;

    turn = 0;
    check(pthread_create(&thread, NULL, take_turns, &trips) == 0, "pthread_create");
    uint64_t start = now();
    for (int n = 0; n < trips; n++)
        take_turn(0, 1);
    report("futex round trip", (now() - start) / trips);
    pthread_join(thread, NULL);
}

static void *do_nothing(void *arg)
{
    return arg;
}

static void bench_threads(int count)
{
    pthread_t thread;
    uint64_t start = now();

    for (int n = 0; n < count; n++) {
        check(pthread_create(&thread, NULL, do_nothing, NULL) == 0, "pthread_create");
        check(pthread_join(thread, NULL) == 0, "pthread_join");
    }
    report("thread create and join", (now() - start) / count);
}

/* ---- Processes ---- */

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

/* Returns the cost of a child, made by fork or vfork, that execs this program and ends. */
static uint64_t exec_once(int is_vfork)
{
    const char *self = (const char *)getauxval(AT_EXECFN); /* a full path; argv[0] may be none */
    uint64_t start = now();
    pid_t pid = is_vfork ? vfork() : fork();
    int status;

    check(pid >= 0, "fork");
    if (pid == 0) {
        execl(self, self, "-", (char *)NULL);
        check(0, self);
    }
    waitpid(pid, &status, 0);
    if (status != 0)
        exit(EXIT_FAILURE); /* the child has printed the reason */
    return now() - start;
}

static void bench_exec(int tries)
{
    uint64_t by_fork = UINT64_MAX, by_vfork = UINT64_MAX;

    for (int n = 0; n < tries; n++) {
        by_fork = least(by_fork, exec_once(0));
        by_vfork = least(by_vfork, exec_once(1));
    }
    report("fork+exec+exit+wait", by_fork);
    report("vfork+exec+exit+wait", by_vfork);
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
    static char buffer[64 << 10]; /* as much as a pipe holds */
    int fds[2];

    report("pipe round trip", round_trip(trips));
    check(pipe(fds) == 0, "pipe");
    memset(buffer, 1, sizeof(buffer));
    uint64_t start = now();
    for (int n = 0; n < trips; n++) {
        check(write(fds[1], buffer, sizeof(buffer)) == sizeof(buffer), "write");
        check(read(fds[0], buffer, sizeof(buffer)) == sizeof(buffer), "read");
    }
    report("pipe, 64 KiB", (now() - start) / trips);
    close(fds[0]);
    close(fds[1]);
}

/* ---- Costs that could grow with what there is ---- */

static void report_with(const char *what, int count, const char *noun, uint64_t cost)
{
    char line[64];

    snprintf(line, sizeof(line), "%s, %d %s", what, count, noun);
    report(line, cost);
}

static char *map_at(char *at, size_t len, int prot)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0);
    char *start = mmap(at, len, prot, flags, -1, 0);

    check(start != MAP_FAILED, "mmap");
    return start;
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
    {"read-fault", bench_read_fault, {255}, 1},
    {"stack", bench_stack, {255}, 1},
    {"map", bench_map, {1024}, 1},
    {"protect", bench_protect, {LOOPS}, 1},
    {"file", bench_file, {LOOPS}, 1},
    {"segv", bench_segv, {LOOPS}, 1},
    {"futex", bench_futex, {LOOPS}, 1},
    {"threads", bench_threads, {LOOPS}, 1},
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
