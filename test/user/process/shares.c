/* Niceness, policy, affinity, and the shares that follow from them. */
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "meter.h"

static cpu_set_t usable; /* at the start of the program */

static void work_for_ever(void *unused)
{
    (void)unused;
    for (;;)
        ;
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
    CHECK(killed_by(wait_child(nicer), SIGKILL));
    CHECK(killed_by(wait_child(other), SIGKILL));
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

static void match_line(const char *line, void *query)
{
    const char **wanted = query; /* and whether it was found */

    if (strcmp(line, wanted[0]) == 0)
        wanted[1] = line;
}

static bool status_has(const char *line)
{
    const char *wanted[] = {line, NULL};

    CHECK(each_line("/proc/self/status", match_line, wanted));
    return wanted[1];
}

static void the_status_shows_where_it_may_run(void)
{
    char line[64];

    for (int n = 0; n < CPU_COUNT(&usable); n++) {
        cpu_set_t one = only(nth_cpu(n));

        CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
        snprintf(line, sizeof(line), "Cpus_allowed_list:\t%u", nth_cpu(n));
        CHECK(status_has(line));
        snprintf(line, sizeof(line), "Cpus_allowed:\t%x", 1u << nth_cpu(n));
        CHECK(!on_pagoda() || status_has(line));
    }
    CHECK_OK(sched_setaffinity(0, sizeof(usable), &usable));
    snprintf(line, sizeof(line), "Cpus_allowed_list:\t0-%d", CPU_COUNT(&usable) - 1);
    CHECK(!on_pagoda() || CPU_COUNT(&usable) == 1 || status_has(line));
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

/* Threads that share CPUs, each with its niceness. They are measured from the moment when all of
   them have begun until the first has worked for `ms`. */
static struct contest {
    int count;
    unsigned ms;
    int niceness[BUSY];
    struct meter meters[BUSY];
    volatile int begun;
    volatile bool is_over;
} contest;

static void *compete(void *meter)
{
    long number = (struct meter *)meter - contest.meters;

    CHECK_OK(setpriority(PRIO_PROCESS, 0, contest.niceness[number]));
    __atomic_add_fetch(&contest.begun, 1, __ATOMIC_SEQ_CST);
    while (contest.begun < contest.count)
        meter_read(meter);
    contest.meters[number].begin_ns = meter_read(meter);
    while (!contest.is_over) {
        meter_read(meter);
        if (number == 0 && meter_ns(meter) >= contest.ms * MS)
            contest.is_over = true;
    }
    return NULL;
}

/* Returns when it is over. Returns by how much the meters may be off. */
static uint64_t hold_contest(void)
{
    pthread_t threads[BUSY];

    for (int i = 0; i < contest.count; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, compete, &contest.meters[i]), 0);
    for (int i = 0; i < contest.count; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    uint64_t slack_ns = meters_slack_ns(contest.meters, contest.count);
    CHECK(!time_is_virtual() || slack_ns < MS);
    return slack_ns;
}

/* On two CPUs, they have ten seconds together. On one they need less to show it. */
static void busy_threads_have_equal_shares(void)
{
    int cpus = CPU_COUNT(&usable) > 1 ? 2 : 1;
    uint64_t least_ns = UINT64_MAX, most_ns = 0;
    cpu_set_t some = only(nth_cpu(0));

    contest = (struct contest){.count = BUSY, .ms = cpus == 1 ? 400 : 1000};
    CPU_SET(nth_cpu(cpus - 1), &some);
    CHECK_OK(sched_setaffinity(0, sizeof(some), &some));
    uint64_t slack_ns = hold_contest();
    CHECK_OK(sched_setaffinity(0, sizeof(usable), &usable));
    for (int i = 0; i < BUSY; i++) {
        uint64_t ns = meter_ns(&contest.meters[i]);

        least_ns = ns < least_ns ? ns : least_ns;
        most_ns = ns > most_ns ? ns : most_ns;
    }
    note("shares from %lu to %lu us, give or take %lu", least_ns / 1000, most_ns / 1000,
         slack_ns / 1000);
    CHECK(most_ns - least_ns <= most_ns / 20 + slack_ns);
}

/* The weights of the two are 1024 and 335. Where a host stops the CPU many times in so short a
   contest, the sums mean little: then it is only checked that both have run. */
static void niceness_weighs(void)
{
    cpu_set_t first = only(nth_cpu(0));

    contest = (struct contest){.count = 2, .ms = 400, .niceness = {0, 5}};
    CHECK_OK(sched_setaffinity(0, sizeof(first), &first));
    int64_t slack_ns = hold_contest();
    CHECK_OK(sched_setaffinity(0, sizeof(usable), &usable));
    int64_t fair_ns = meter_ns(&contest.meters[0]) * 335 / 1024;
    int64_t less_ns = meter_ns(&contest.meters[1]);
    note("%ld us, where %ld are fair, give or take %ld", less_ns / 1000, fair_ns / 1000,
         slack_ns / 1000);
    CHECK(less_ns > 0);
    CHECK(!time_is_virtual() || labs(less_ns - fair_ns) <= fair_ns / 8 + slack_ns);
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
    wait_child(one);
    wait_child(other);
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
    RUN(the_status_shows_where_it_may_run);
    RUN(a_busy_process_is_moved);
    RUN(affinity_has_errors);
    RUN_ON_PAGODA(busy_threads_have_equal_shares);
    RUN_ON_PAGODA(niceness_weighs);
    RUN(an_idle_cpu_takes_work);
    return test_end();
}
