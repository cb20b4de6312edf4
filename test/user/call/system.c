/* The small system calls: identity, directory, time, random numbers, short sleeps, limits. */
#include "test.h"

#include <sched.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>

static void uname_names_the_machine(void)
{
    struct utsname names;

    CHECK_OK(uname(&names));
    CHECK(strcmp(names.sysname, on_pagoda() ? "Pagoda" : "Linux") == 0);
    CHECK(strcmp(names.machine, "x86_64") == 0);
    CHECK(names.nodename[0] && names.release[0] && names.version[0]);
}

static void a_process_is_its_first_thread(void)
{
    CHECK_EQ(syscall(SYS_gettid), getpid());
    CHECK_EQ(syscall(SYS_set_tid_address, NULL), getpid());
    CHECK_EQ(getuid(), geteuid());
    CHECK_EQ(getgid(), getegid());
}

static uint64_t nanoseconds(const struct timespec *time)
{
    return time->tv_sec * 1000000000 + time->tv_nsec;
}

static uint64_t now(void)
{
    struct timespec time;

    CHECK_OK(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &time));
    CHECK(time.tv_nsec >= 0 && time.tv_nsec < 1000000000);
    return nanoseconds(&time);
}

static void time_does_not_go_back(void)
{
    struct timespec time;
    uint64_t last = now();

    for (int i = 0; i < 1000; i++) {
        uint64_t next = now();
        CHECK(next >= last);
        last = next;
    }
    CHECK_OK(clock_gettime(CLOCK_REALTIME, &time));
    CHECK_ERR(EINVAL, syscall(SYS_clock_gettime, 12345, &time));
}

static uint64_t clock_ns(int clock)
{
    struct timespec time = {0};

    CHECK_OK(syscall(SYS_clock_gettime, clock, &time));
    return nanoseconds(&time);
}

static const int sleep_clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI};
static const int other_clocks[] = {CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
                                   CLOCK_MONOTONIC_COARSE, CLOCK_THREAD_CPUTIME_ID};

static long sleep_by(int clock, const void *time)
{
    return syscall(SYS_clock_nanosleep, clock, 0, time, NULL);
}

/* A clock that cannot wake a sleeper is refused before its time is looked at. */
static void some_clocks_can_wake_a_sleeper(void)
{
    struct timespec none = {0}, bad = {.tv_nsec = -1};

    for (size_t i = 0; i < ARRAY_SIZE(sleep_clocks); i++) {
        CHECK(clock_ns(sleep_clocks[i]) > 0);
        CHECK_OK(sleep_by(sleep_clocks[i], &none));
        CHECK_ERR(EINVAL, sleep_by(sleep_clocks[i], &bad));
        CHECK_ERR(EFAULT, sleep_by(sleep_clocks[i], (void *)8));
    }
    for (size_t i = 0; i < ARRAY_SIZE(other_clocks); i++) {
        CHECK_OK(syscall(SYS_clock_getres, other_clocks[i], &none));
        CHECK_ERR(EOPNOTSUPP, sleep_by(other_clocks[i], &none));
        CHECK_ERR(EOPNOTSUPP, sleep_by(other_clocks[i], (void *)8));
    }
    CHECK_ERR(EINVAL, sleep_by(12345, (void *)8));
    CHECK_ERR(EINVAL, syscall(SYS_clock_gettime, 12345, (void *)8));
    CHECK_ERR(EINVAL, syscall(SYS_clock_getres, 12345, (void *)8));
}

static void the_time_zone_is_utc(void)
{
    struct timezone zone = {.tz_minuteswest = 12345, .tz_dsttime = 12345};
    struct timeval time;

    CHECK_OK(syscall(SYS_gettimeofday, &time, &zone));
    CHECK(time.tv_usec >= 0 && time.tv_usec < 1000000);
    CHECK_EQ(zone.tz_minuteswest, 0);
    CHECK_EQ(zone.tz_dsttime, 0);
}

static void time_is_in_whole_seconds(void)
{
    struct timespec before, after;
    int64_t stored = 0;

    CHECK_OK(clock_gettime(CLOCK_REALTIME, &before));
    long now = CHECK_OK(syscall(SYS_time, &stored));
    CHECK_OK(clock_gettime(CLOCK_REALTIME, &after));
    CHECK_EQ(stored, now);
    CHECK(now >= before.tv_sec && now <= after.tv_sec);
    CHECK(CHECK_OK(syscall(SYS_time, NULL)) >= now);
    CHECK_ERR(EFAULT, syscall(SYS_time, 8));
}

static void a_sleeper_sleeps_long_enough(void)
{
    struct timespec wish = {.tv_nsec = 3000000};
    uint64_t start = now();

    CHECK_OK(nanosleep(&wish, NULL));
    CHECK(now() - start >= nanoseconds(&wish));
    CHECK_OK(nanosleep(&(struct timespec){0}, NULL));
}

static void sleep_without_end(void *unused)
{
    (void)unused;
    CHECK_OK(nanosleep(&(struct timespec){.tv_sec = 1L << 40}, NULL));
}

static void a_sleeper_can_be_killed(void)
{
    pid_t pid = start_child(sleep_without_end, NULL);

    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
}

static void impossible_sleeps_are_refused(void)
{
    CHECK_ERR(EINVAL, nanosleep(&(struct timespec){.tv_nsec = 1000000000}, NULL));
    CHECK_ERR(EINVAL, nanosleep(&(struct timespec){.tv_nsec = -1}, NULL));
    CHECK_ERR(EINVAL, nanosleep(&(struct timespec){.tv_sec = -1}, NULL));
}

static void random_bytes_are_random(void)
{
    unsigned char bytes[2][200] = {0};
    int different = 0;

    CHECK_EQ(CHECK_OK(getrandom(bytes[0], 200, 0)), 200);
    CHECK_EQ(CHECK_OK(getrandom(bytes[1], 200, GRND_NONBLOCK)), 200);
    for (int i = 0; i < 200; i++)
        different += bytes[0][i] != bytes[1][i];
    CHECK(different > 150);
    CHECK_EQ(CHECK_OK(getrandom(bytes[0], 0, 0)), 0);
    CHECK_ERR(EINVAL, getrandom(bytes[0], 1, 0x1000));
    CHECK_EQ(CHECK_OK(getrandom(bytes[0], 1, GRND_INSECURE)), 1);
    CHECK_ERR(EINVAL, getrandom(bytes[0], 1, GRND_INSECURE | GRND_RANDOM)); /* which of the two? */
}

static void limits_are_kept(void)
{
    struct rlimit limit, read_back;

    CHECK_OK(getrlimit(RLIMIT_STACK, &limit));
    CHECK(limit.rlim_cur <= limit.rlim_max);
    limit.rlim_cur = MIB;
    CHECK_OK(setrlimit(RLIMIT_STACK, &limit));
    CHECK_OK(getrlimit(RLIMIT_STACK, &read_back));
    CHECK_EQ(read_back.rlim_cur, MIB);
    CHECK_EQ(read_back.rlim_max, limit.rlim_max);
    CHECK_ERR(EINVAL, setrlimit(RLIMIT_STACK, &(struct rlimit){2, 1}));
    CHECK_ERR(EINVAL, getrlimit(1000, &limit));
}

/* 1 << 20 is the highest limit on open files. */
static void more_files_than_can_be_are_refused(void)
{
    struct rlimit before, after, limit = {100, (1 << 20) + 1};

    CHECK_OK(getrlimit(RLIMIT_NOFILE, &before));
    CHECK_ERR(EPERM, setrlimit(RLIMIT_NOFILE, &limit));
    CHECK_ERR(EPERM, setrlimit(RLIMIT_NOFILE, &(struct rlimit){100, RLIM_INFINITY}));
    CHECK_ERR(EINVAL, setrlimit(RLIMIT_NOFILE, &(struct rlimit){RLIM_INFINITY, limit.rlim_max}));
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &after));
    CHECK_EQ(after.rlim_cur, before.rlim_cur);
    CHECK_EQ(after.rlim_max, before.rlim_max);
}

static void check_stack_limit(void *expected)
{
    struct rlimit limit;

    CHECK_OK(getrlimit(RLIMIT_STACK, &limit));
    CHECK_EQ(limit.rlim_cur, *(rlim_t *)expected);
}

static void limits_are_inherited(void)
{
    struct rlimit limit;

    CHECK_OK(getrlimit(RLIMIT_STACK, &limit));
    limit.rlim_cur = 2 * MIB;
    CHECK_OK(setrlimit(RLIMIT_STACK, &limit));
    CHECK(exits_with(0, check_stack_limit, &limit.rlim_cur));
}

static rlim_t data_limit_of(pid_t pid)
{
    struct rlimit limit = {0};

    CHECK_OK(prlimit(pid, RLIMIT_DATA, NULL, &limit));
    CHECK_EQ(limit.rlim_max, RLIM_INFINITY);
    return limit.rlim_cur;
}

static void limit_and_wait(void *limited)
{
    CHECK_OK(setrlimit(RLIMIT_DATA, &(struct rlimit){GIB, RLIM_INFINITY}));
    gate_open(limited);
    wait_for_ever(NULL);
}

/* The limits of a process can be read until it is reaped. */
static void limits_of_others_are_told(void)
{
    struct gate limited = gate_make();
    pid_t pid = start_child(limit_and_wait, &limited);
    struct rlimit limit;
    siginfo_t news;

    gate_pass(&limited);
    CHECK_EQ(data_limit_of(pid), GIB);
    CHECK_EQ(data_limit_of(getpid()), RLIM_INFINITY);
    CHECK_EQ(data_limit_of(0), RLIM_INFINITY);
    CHECK_ERR(EINVAL, prlimit(pid, 1000, NULL, &limit));
    CHECK_ERR(EFAULT, prlimit(pid, RLIMIT_DATA, NULL, (void *)8));
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_OK(waitid(P_PID, pid, &news, WEXITED | WNOWAIT));
    CHECK_EQ(data_limit_of(pid), GIB);
    CHECK(killed_by(wait_child(pid), SIGKILL));
    CHECK_ERR(ESRCH, prlimit(pid, RLIMIT_DATA, NULL, &limit));
    CHECK_ERR(ESRCH, prlimit(-1, 1000, NULL, &limit));
    CHECK_ERR(EFAULT, prlimit(-1, 1000, (void *)8, NULL));
    gate_destroy(&limited);
}

/* README says so. */
static void limits_of_others_cannot_be_changed(void)
{
    pid_t pid = start_child(wait_for_ever, NULL);

    CHECK_ERR(EPERM, prlimit(pid, RLIMIT_DATA, &(struct rlimit){GIB, RLIM_INFINITY}, NULL));
    CHECK_EQ(data_limit_of(pid), RLIM_INFINITY);
    CHECK_OK(prlimit(getpid(), RLIMIT_CORE, &(struct rlimit){0}, NULL)); /* one's own can */
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
}

/* Limits a child that has its own memory; it then gets no more. Returns its exit status. */
static int limit_data(void *is_own)
{
    struct rlimit limit = {PAGE, RLIM_INFINITY};

    if (setrlimit(RLIMIT_DATA, &limit))
        return 1;
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return is_own && page != MAP_FAILED ? 2 : 0;
}

/* Limits a child that runs in its parent's memory. The child's own child then gets no more memory.
   Returns that one's exit status. */
static int limit_data_and_fork(void *unused)
{
    (void)unused;
    if (limit_data(NULL))
        return 1;
    pid_t pid = CHECK_OK(fork());
    if (pid == 0)
        _exit(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                      MAP_FAILED
                  ? 0
                  : 2);
    return WEXITSTATUS(wait_child(pid));
}

static void check_limiting_child(int (*body)(void *), int flags, void *is_own)
{
    static char stack[4 * PAGE] __attribute__((aligned(16)));
    pid_t pid = CHECK_OK(clone(body, stack + sizeof(stack), flags | SIGCHLD, is_own));

    CHECK(exited_with(wait_child(pid), 0));
    unmap_pages(map_pages(1), 1);
}

/* A limit on memory holds for a child with its own memory, and never for its parent's memory. */
static void a_limit_is_for_ones_own_memory(void)
{
    check_limiting_child(limit_data, CLONE_VFORK, "own");
    check_limiting_child(limit_data, 0, "own");
    check_limiting_child(limit_data, CLONE_VFORK | CLONE_VM, NULL);
    check_limiting_child(limit_data, CLONE_VM, NULL);
    check_limiting_child(limit_data_and_fork, CLONE_VFORK | CLONE_VM, NULL);
}

static void spin_within(void *limit)
{
    CHECK_OK(setrlimit(RLIMIT_CPU, limit));
    for (volatile char go_on = 1; go_on;)
        ;
}

/* Linux takes a limit of no seconds for one second. */
static void cpu_time_is_limited(void)
{
    struct rlimit soft = {0, RLIM_INFINITY}, hard = {0, 0};

    CHECK(dies_by(SIGXCPU, spin_within, &soft));
    CHECK(dies_by(SIGKILL, spin_within, &hard));
}

static void sysinfo_agrees_with_meminfo(void)
{
    struct sysinfo info;

    CHECK_OK(sysinfo(&info));
    CHECK_EQ(info.totalram * info.mem_unit / KIB, number_in("/proc/meminfo", "MemTotal"));
    CHECK(info.freeram <= info.totalram);
    CHECK(info.procs >= 2);
}

/* True if all bytes between two fields of a structure are 0. */
#define GAP_IS_ZERO(object, field, next)                            \
    is_zero((const char *)&(object).field + sizeof((object).field), \
            (const char *)&(object).next - (const char *)&(object).field - sizeof((object).field))

static void the_padding_of_sysinfo_is_zero(void)
{
    struct sysinfo info;

    memset(&info, 0xee, sizeof(info));
    CHECK_OK(syscall(SYS_sysinfo, &info));
    CHECK(GAP_IS_ZERO(info, procs, totalhigh));
    CHECK(is_zero((const char *)(&info.mem_unit + 1), 4));
}

int main(void)
{
    RUN(uname_names_the_machine);
    RUN(a_process_is_its_first_thread);
    RUN(time_does_not_go_back);
    RUN(some_clocks_can_wake_a_sleeper);
    RUN(the_time_zone_is_utc);
    RUN(time_is_in_whole_seconds);
    RUN(a_sleeper_sleeps_long_enough);
    RUN(a_sleeper_can_be_killed);
    RUN(impossible_sleeps_are_refused);
    RUN(random_bytes_are_random);
    RUN(limits_are_kept);
    RUN(more_files_than_can_be_are_refused);
    RUN(limits_are_inherited);
    RUN(limits_of_others_are_told);
    RUN_ON_PAGODA(limits_of_others_cannot_be_changed);
    RUN(a_limit_is_for_ones_own_memory);
    RUN(cpu_time_is_limited);
    RUN(sysinfo_agrees_with_meminfo);
    RUN(the_padding_of_sysinfo_is_zero);
    return test_end();
}
