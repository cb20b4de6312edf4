/* vmbench: measures the cost of each path of virtual memory, and prints a line for each.

   The unit is that of the time-stamp counter. Under QEMU's -icount shift=0 (`make bench`) it is one
   instruction, and every run gives the same numbers. Elsewhere it is a fraction of a nanosecond,
   for a rough comparison. The program runs on Linux too. Each figure is the mean over a loop; if a
   loop would create processes, it is the smallest of a few runs. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"

#define PAGE  4096UL
#define MIB   (1UL << 20)
#define LOOPS 1000
#define PAGES 256
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

static void bench_syscall(void)
{
    uint64_t start = now();

    for (int n = 0; n < LOOPS; n++)
        syscall(SYS_getppid);
    report("system call", (now() - start) / LOOPS);
}

static void bench_first_touch(void)
{
    char *pages = map(PAGES * PAGE);

    touch(pages, PAGE); /* makes the page tables */
    uint64_t start = now();
    touch(pages + PAGE, (PAGES - 1) * PAGE);
    report("first touch of a page", (now() - start) / (PAGES - 1));
    munmap(pages, PAGES * PAGE);
}

/* Measures copy-on-write: a child writes to pages that it shares with its parent, and reports the
   cost of each. */
static void bench_copy_on_write(void)
{
    int fds[2];
    uint64_t cost;
    char *pages = map(PAGES * PAGE);

    touch(pages, PAGES * PAGE);
    check(pipe(fds) == 0, "pipe");
    pid_t pid = fork();
    check(pid >= 0, "fork");
    if (pid == 0) {
        touch(pages, PAGE); /* makes the page tables the child's own */
        uint64_t start = now();
        touch(pages + PAGE, (PAGES - 1) * PAGE);
        cost = (now() - start) / (PAGES - 1);
        _exit(write(fds[1], &cost, sizeof(cost)) != sizeof(cost));
    }
    check(read(fds[0], &cost, sizeof(cost)) == sizeof(cost), "read");
    waitpid(pid, NULL, 0);
    report("copy-on-write of a page", cost);
    close(fds[0]);
    close(fds[1]);
    munmap(pages, PAGES * PAGE);
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
    uint64_t forked = now() - start;
    waitpid(pid, NULL, 0);
    return whole ? now() - start : forked;
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

static void bench_fork(size_t mib)
{
    char what[64], *memory = mib ? map(mib * MIB) : NULL;

    if (memory)
        touch(memory, mib * MIB);
    snprintf(what, sizeof(what), "fork, %zu MiB touched", mib);
    report(what, best_fork(0));
    snprintf(what, sizeof(what), "fork+exit+wait, %zu MiB", mib);
    report(what, best_fork(1));
    if (memory)
        munmap(memory, mib * MIB);
}

static void bench_fork_exec(const char *self)
{
    uint64_t best = UINT64_MAX;
    int status;

    for (int n = 0; n < TRIES; n++) {
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

/* Sends a byte to a child and back, which takes two context switches. */
static void bench_switch(void)
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
    for (int n = 0; n < LOOPS; n++)
        check(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1, "pipe");
    report("pipe round trip", (now() - start) / LOOPS);
    close(there[1]);
    waitpid(pid, NULL, 0);
    close(there[0]);
    close(back[0]);
    close(back[1]);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "-") == 0)
        return 0; /* the program that bench_fork_exec starts */
    bench_syscall();
    bench_first_touch();
    bench_copy_on_write();
    bench_fork(0);
    bench_fork(1);
    bench_fork(64);
    /* a full path, while argv[0] may need PATH */
    bench_fork_exec((const char *)getauxval(AT_EXECFN));
    bench_switch();
    return 0;
}
