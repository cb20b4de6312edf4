/* Niceness, policy, affinity, and the shares that follow from them. */
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#define MS       1000000ul /* in nanoseconds */
#define ATTEMPTS 3         /* of a measurement, which a busy host can disturb */

static cpu_set_t usable; /* at the start of the program */

static void work_for_ever(void *unused)
{
    (void)unused;
    for (;;)
        ;
}

static uint64_t now_ns(clockid_t clock)
{
    struct timespec time;

    CHECK_OK(clock_gettime(clock, &time));
    return time.tv_sec * 1000000000ul + time.tv_nsec;
}

/* Works until this process has had so much CPU time. */
static void work(void *ms)
{
    while (now_ns(CLOCK_PROCESS_CPUTIME_ID) < *(const unsigned *)ms * MS)
        ;
}

/* Reaps a child that was killed or has ended. Returns the CPU time that it had. */
static uint64_t reap(pid_t pid)
{
    struct rusage usage;

    CHECK_EQ(CHECK_OK(wait4(pid, NULL, 0, &usage)), pid);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000ul +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000ul;
}

static cpu_set_t only(unsigned cpu)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    return cpus;
}

/* Returns the nth CPU that the program may use. */
static unsigned nth_cpu(int n)
{
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &usable) && n-- == 0)
            return cpu;
    test_fail(__FILE__, __LINE__, "no such CPU");
}

/* ---- Niceness ---- */

static int niceness(int which, id_t who)
{
    errno = 0;
    int nice = getpriority(which, who);
    CHECK_EQ(errno, 0);
    return nice;
}

static void niceness_is_set_and_limited(void)
{
    CHECK_EQ(niceness(PRIO_PROCESS, 0), 0);
    CHECK_OK(setpriority(PRIO_PROCESS, 0, 3));
    CHECK_EQ(niceness(PRIO_PROCESS, 0), 3);
    CHECK_EQ(niceness(PRIO_PROCESS, getpid()), 3);
    CHECK_OK(setpriority(PRIO_PROCESS, 0, 100));
    CHECK_EQ(niceness(PRIO_PROCESS, 0), 19);
    CHECK_OK(setpriority(PRIO_PROCESS, 0, -100));
    CHECK_EQ(niceness(PRIO_PROCESS, 0), -20);
    CHECK_OK(setpriority(PRIO_PROCESS, 0, 0));
}

static void is_inherited(void *unused)
{
    (void)unused;
    CHECK_EQ(niceness(PRIO_PROCESS, 0), 7);
}

static void a_child_inherits_niceness(void)
{
    CHECK_OK(setpriority(PRIO_PROCESS, 0, 7));
    CHECK(exited_with(in_child(is_inherited, NULL), 0));
    CHECK_OK(setpriority(PRIO_PROCESS, 0, 0));
}

/* A group has the niceness of its least nice member. */
static void a_group_is_niced_as_one(void)
{
    pid_t nicer = start_child(work_for_ever, NULL), other = start_child(work_for_ever, NULL);

    CHECK_OK(setpgid(nicer, nicer));
    CHECK_OK(setpgid(other, nicer));
    CHECK_OK(setpriority(PRIO_PROCESS, nicer, 5));
    CHECK_EQ(niceness(PRIO_PGRP, nicer), 0);
    CHECK_OK(setpriority(PRIO_PGRP, nicer, 9));
    CHECK_EQ(niceness(PRIO_PROCESS, other), 9);
    CHECK_EQ(niceness(PRIO_PROCESS, 0), 0);
    CHECK_OK(kill(-nicer, SIGKILL));
    reap(nicer);
    reap(other);
    CHECK_ERR(ESRCH, getpriority(PRIO_PGRP, nicer));
}

static void niceness_has_errors(void)
{
    CHECK_ERR(EINVAL, getpriority(3, 0));
    CHECK_ERR(EINVAL, setpriority(-1, 0, 0));
    CHECK_ERR(ESRCH, getpriority(PRIO_PROCESS, -1));
    CHECK_ERR(ESRCH, setpriority(PRIO_PROCESS, 0x7fffffff, 0));
    CHECK_ERR(ESRCH, setpriority(PRIO_USER, 12345678, 0));
}

static void *nice_thread(void *unused)
{
    (void)unused;
    CHECK_OK(setpriority(PRIO_PROCESS, 0, 4));
    CHECK_EQ(niceness(PRIO_PROCESS, gettid()), 4);
    return NULL;
}

static void niceness_is_each_threads_own(void)
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, nice_thread, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(niceness(PRIO_PROCESS, 0), 0);
}

/* ---- Policies ---- */

/* The C library of this program refuses these calls, so they are made without it. */
static int set_policy(int policy, int priority)
{
    return syscall(SYS_sched_setscheduler, 0, policy, &(int){priority});
}

static void policies_are_set(void)
{
    struct timespec turn = {.tv_sec = 9};
    int priority = 9;

    CHECK_EQ(CHECK_OK(syscall(SYS_sched_getscheduler, 0)), SCHED_OTHER);
    CHECK_OK(set_policy(SCHED_BATCH, 0));
    CHECK_EQ(CHECK_OK(syscall(SYS_sched_getscheduler, getpid())), SCHED_BATCH);
    CHECK_OK(syscall(SYS_sched_setparam, 0, &(int){0}));
    CHECK_EQ(CHECK_OK(syscall(SYS_sched_getscheduler, 0)), SCHED_BATCH);
    CHECK_OK(set_policy(SCHED_OTHER, 0));
    CHECK_OK(syscall(SYS_sched_getparam, 0, &priority));
    CHECK_EQ(priority, 0);
    CHECK_OK(sched_rr_get_interval(0, &turn));
    CHECK_EQ(turn.tv_sec, 0);
    CHECK_EQ(sched_get_priority_max(SCHED_OTHER), 0);
    CHECK_EQ(sched_get_priority_min(SCHED_FIFO), 1);
    CHECK_EQ(sched_get_priority_max(SCHED_RR), 99);
}

static void policies_have_errors(void)
{
    CHECK_ERR(EINVAL, set_policy(SCHED_OTHER, 1));
    CHECK_ERR(EINVAL, set_policy(-1, 0));
    CHECK_ERR(EINVAL, set_policy(77, 0));
    CHECK_ERR(EINVAL, set_policy(SCHED_FIFO, 0));
    CHECK_ERR(EINVAL, syscall(SYS_sched_setscheduler, -1, SCHED_OTHER, &(int){0}));
    CHECK_ERR(EINVAL, syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, NULL));
    CHECK_ERR(ESRCH, syscall(SYS_sched_setscheduler, 0x7fffffff, SCHED_OTHER, &(int){0}));
    CHECK_ERR(EINVAL, syscall(SYS_sched_setparam, 0, &(int){1}));
    CHECK_ERR(EINVAL, syscall(SYS_sched_getscheduler, -1));
    CHECK_ERR(ESRCH, syscall(SYS_sched_getscheduler, 0x7fffffff));
    CHECK_ERR(EINVAL, syscall(SYS_sched_getparam, 0, NULL));
    CHECK_ERR(EFAULT, syscall(SYS_sched_getparam, 0, 1l));
    CHECK_ERR(EINVAL, sched_get_priority_max(77));
    CHECK_ERR(ESRCH, syscall(SYS_sched_rr_get_interval, 0x7fffffff, NULL));
}

/* ---- Affinity ---- */

static unsigned here(void)
{
    unsigned cpu = ~0u, node = ~0u;

    CHECK_OK(syscall(SYS_getcpu, &cpu, &node, NULL));
    CHECK_EQ(node, 0);
    return cpu;
}

static void a_thread_runs_where_it_may(void)
{
    for (int n = 0; n < CPU_COUNT(&usable); n++) {
        cpu_set_t one = only(nth_cpu(n)), found;

        CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
        CHECK_EQ(here(), nth_cpu(n));
        CHECK_OK(sched_getaffinity(0, sizeof(found), &found));
        CHECK(CPU_EQUAL(&found, &one));
    }
    CHECK_OK(sched_setaffinity(0, sizeof(usable), &usable));
}

/* Works until it runs on that CPU. */
static void work_until_on(void *cpu)
{
    while (here() != *(const unsigned *)cpu)
        ;
}

static void a_busy_process_is_moved(void)
{
    unsigned last = nth_cpu(CPU_COUNT(&usable) - 1);
    cpu_set_t first = only(nth_cpu(0)), there = only(last);

    CHECK_OK(sched_setaffinity(0, sizeof(first), &first));
    pid_t pid = start_child(work_until_on, &last); /* it inherits the affinity */
    CHECK_OK(sched_setaffinity(0, sizeof(usable), &usable));
    (void)sched_setaffinity(pid, sizeof(there),
                            &there); /* if there is one CPU, it may have ended */
    CHECK(exited_with(wait_child(pid), 0));
}

static void affinity_has_errors(void)
{
    unsigned long none = 0, cpus;

    CHECK_ERR(EINVAL, syscall(SYS_sched_setaffinity, 0, sizeof(none), &none));
    CHECK_ERR(EFAULT, syscall(SYS_sched_setaffinity, 0, sizeof(none), 1l));
    CHECK_ERR(ESRCH, syscall(SYS_sched_setaffinity, 0x7fffffff, sizeof(usable), &usable));
    CHECK_ERR(EINVAL, syscall(SYS_sched_getaffinity, 0, 7, &cpus));
    CHECK_ERR(EINVAL, syscall(SYS_sched_getaffinity, 0, 9, &cpus));
    CHECK_ERR(EFAULT, syscall(SYS_sched_getaffinity, 0, sizeof(usable), 1l));
    CHECK_ERR(ESRCH, syscall(SYS_sched_getaffinity, -1, sizeof(usable), &usable));
    CHECK_ERR(EFAULT, syscall(SYS_getcpu, 1l, NULL, NULL));
    CHECK_OK(syscall(SYS_getcpu, NULL, NULL, NULL));
}

/* ---- Shares ---- */

#define BUSY 10

static int compare_ns(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Lets BUSY processes share `cpus` CPUs until the first has worked for `ms`. Returns true if their
   times are equal within 5 %. A busy host can stop a virtual CPU, whose clock and current process
   go on, so the longest time on each CPU is left out. */
static bool are_shares_equal(unsigned ms, int cpus)
{
    uint64_t ns[BUSY];
    pid_t pids[BUSY];

    pids[0] = start_child(work, &ms);
    CHECK_OK(setpgid(pids[0], pids[0]));
    for (int i = 1; i < BUSY; i++) {
        pids[i] = start_child(work_for_ever, NULL);
        CHECK_OK(setpgid(pids[i], pids[0]));
    }
    CHECK_OK(waitid(P_PID, pids[0], &(siginfo_t){0}, WEXITED | WNOWAIT));
    CHECK_OK(kill(-pids[0], SIGKILL));
    for (int i = 0; i < BUSY; i++)
        ns[i] = reap(pids[i]);
    qsort(ns, BUSY, sizeof(*ns), compare_ns);
    uint64_t least = ns[0], most = ns[BUSY - 1 - cpus];
    note("shares from %lu to %lu us", least / 1000, most / 1000);
    return most - least <= most / 20;
}

/* On two CPUs, they have ten seconds together. On one they need less to show it. */
static void busy_processes_have_equal_shares(void)
{
    int cpus = CPU_COUNT(&usable) > 1 ? 2 : 1, attempts = 1;
    unsigned ms = cpus == 1 ? 400 : 1000;
    cpu_set_t some = only(nth_cpu(0));

    CPU_SET(nth_cpu(cpus - 1), &some);
    CHECK_OK(sched_setaffinity(0, sizeof(some), &some));
    while (!are_shares_equal(ms, cpus))
        CHECK(attempts++ < ATTEMPTS);
    CHECK_OK(sched_setaffinity(0, sizeof(usable), &usable));
}

/* Lets two processes share a CPU until one has worked for `ms`. Returns how much more this one had
   than the other, whose niceness is 5, in tenths. */
static unsigned advantage(unsigned ms)
{
    cpu_set_t first = only(nth_cpu(0));

    CHECK_OK(sched_setaffinity(0, sizeof(first), &first));
    pid_t normal = start_child(work, &ms), nicer = start_child(work_for_ever, NULL);
    CHECK_OK(setpriority(PRIO_PROCESS, nicer, 5));
    CHECK_OK(waitid(P_PID, normal, &(siginfo_t){0}, WEXITED | WNOWAIT));
    CHECK_OK(kill(nicer, SIGKILL));
    uint64_t more = reap(normal), less = reap(nicer);
    CHECK_OK(sched_setaffinity(0, sizeof(usable), &usable));
    note("%lu us and %lu us", more / 1000, less / 1000);
    return more * 10 / (less + 1);
}

/* 1024 to 335. */
static void niceness_weighs(void)
{
    unsigned tenths = advantage(400);

    for (int attempts = 1; tenths < 26 || tenths > 36; tenths = advantage(400))
        CHECK(attempts++ < ATTEMPTS);
}

static void work_elsewhere(void *cpu)
{
    while (here() == *(const unsigned *)cpu)
        ;
}

/* Two processes that were bound to one CPU are set free: one of them gets another CPU. */
static void an_idle_cpu_takes_work(void)
{
    unsigned cpu = nth_cpu(0);
    cpu_set_t first = only(cpu);
    siginfo_t info;

    if (CPU_COUNT(&usable) == 1)
        return;
    CHECK_OK(sched_setaffinity(0, sizeof(first), &first));
    pid_t one = start_child(work_elsewhere, &cpu), other = start_child(work_elsewhere, &cpu);
    CHECK_OK(sched_setaffinity(one, sizeof(usable), &usable));
    CHECK_OK(sched_setaffinity(other, sizeof(usable), &usable));
    CHECK_OK(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT));
    CHECK_EQ(info.si_status, 0);
    CHECK_OK(sched_setaffinity(0, sizeof(usable), &usable));
    CHECK_OK(kill(one, SIGKILL));
    CHECK_OK(kill(other, SIGKILL));
    reap(one);
    reap(other);
}

int main(void)
{
    CHECK_OK(sched_getaffinity(0, sizeof(usable), &usable));
    RUN(niceness_is_set_and_limited);
    RUN(a_child_inherits_niceness);
    RUN(a_group_is_niced_as_one);
    RUN(niceness_has_errors);
    RUN(niceness_is_each_threads_own);
    RUN(policies_are_set);
    RUN(policies_have_errors);
    RUN(a_thread_runs_where_it_may);
    RUN(a_busy_process_is_moved);
    RUN(affinity_has_errors);
    RUN_ON_PAGODA(busy_processes_have_equal_shares);
    RUN_ON_PAGODA(niceness_weighs);
    RUN(an_idle_cpu_takes_work);
    return test_end();
}
