/* diskbench: measures reads and writes of a file on /disk, and prints a line for each:
   diskbench [bandwidth]

   Without an argument, the file is in memory, and the unit is that of the time-stamp counter, as in
   vmbench. With `bandwidth`, the disk takes part, and the unit is KiB in a second. The program runs
   on Linux too, as the first process of a machine (tools/bench.py). */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/message.h"

#define DISK      "/dev/vda"
#define FILE_NAME "/disk/diskbench"

#define KIB        1024UL
#define MIB        (1024 * KIB)
#define FILE_BYTES (16 * MIB)
#define LOOPS      16 /* of each measurement */

static char buffer[MIB];
static int fd;

static uint64_t now(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static double seconds_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void check(int ok, const char *what)
{
    if (ok)
        return;
    complain_errno("%s", what);
    _exit(1);
}

/* Makes what Pagoda's init makes: the device files, the driver of the disk, and the mount. The
   modules stand in /modules, by number. */
static void linux_begin(void)
{
    char path[32];
    int module;

    mkdir("/dev", 0755);
    mkdir("/disk", 0755);
    check(mount("none", "/dev", "devtmpfs", 0, NULL) == 0, "/dev");
    for (int n = 0;; n++) {
        snprintf(path, sizeof(path), "/modules/%d", n);
        module = open(path, O_RDONLY);
        if (module < 0)
            break;
        check(syscall(SYS_finit_module, module, "", 0) == 0, path);
        close(module);
    }
    while (access(DISK, F_OK) < 0)
        sched_yield();
    check(mount(DISK, "/disk", "ext2", 0, NULL) == 0, DISK);
}

static void read_at(off_t at, size_t len)
{
    check(pread(fd, buffer, len, at) == (ssize_t)len, "read");
}

static void write_at(off_t at, size_t len)
{
    check(pwrite(fd, buffer, len, at) == (ssize_t)len, "write");
}

static void write_through(off_t at, size_t len)
{
    write_at(at, len);
    check(fsync(fd) == 0, "fsync");
}

/* What is not in memory any more was read from the disk. */
static void forget_pages(void)
{
    close(fd);
    check(umount("/disk") == 0 && mount(DISK, "/disk", "ext2", 0, NULL) == 0, "/disk");
    fd = open(FILE_NAME, O_RDWR);
    check(fd >= 0, FILE_NAME);
}

/* The places lie MIB apart, so that nothing which is read ahead counts. */
static void report_instructions(const char *what, void (*move)(off_t, size_t), size_t len)
{
    uint64_t start = now();

    for (int n = 0; n < LOOPS; n++)
        move(n * MIB, len);
    printf("%-28s %10llu\n", what, (unsigned long long)((now() - start) / LOOPS));
}

static void report_bandwidth(const char *what, void (*move)(off_t, size_t), size_t len)
{
    double start = seconds_now();

    for (int n = 0; n < LOOPS; n++)
        move(n * MIB, len);
    printf("%-28s %10.0f\n", what, (double)(LOOPS * len) / KIB / (seconds_now() - start));
}

static void measure_memory(void)
{
    report_instructions("read of 4 KiB", read_at, 4 * KIB);
    report_instructions("read of 1 MiB", read_at, MIB);
    report_instructions("write of 4 KiB", write_at, 4 * KIB);
    report_instructions("write of 1 MiB", write_at, MIB);
}

static void measure_disk(void)
{
    forget_pages();
    report_bandwidth("read of 4 KiB, KiB/s", read_at, 4 * KIB);
    forget_pages();
    report_bandwidth("read of 1 MiB, KiB/s", read_at, MIB);
    report_bandwidth("synced write of 4 KiB, KiB/s", write_through, 4 * KIB);
    report_bandwidth("synced write of 1 MiB, KiB/s", write_through, MIB);
}

int main(int argc, char **argv)
{
    if (getpid() == 1)
        linux_begin();
    memset(buffer, 'x', sizeof(buffer));
    fd = open(FILE_NAME, O_RDWR | O_CREAT, 0644);
    check(fd >= 0, FILE_NAME);
    for (off_t at = 0; at < (off_t)FILE_BYTES; at += MIB)
        write_at(at, MIB);
    check(fsync(fd) == 0, "fsync");
    if (argc > 1 && strcmp(argv[1], "bandwidth") == 0)
        measure_disk();
    else
        measure_memory();
    fflush(stdout);
    return 0;
}
