/* Sleeps, timeouts and timers: none ends early, and the clock that ends them is finer than a tick.

   How late a sleep ends depends on how busy the host is. So it is checked in virtual time only
   (time_is_virtual), where ticks of 4 ms would make most sleeps far later. */
#include "test.h"

#include <poll.h>
#include <stdio.h>
#include <sys/select.h>
#include <sys/time.h>
#include <time.h>

#include "procfile.h"

#define TRIES   16
#define LATE_NS 300000

static uint64_t now_ns(int clock)
{
    struct timespec time;

    CHECK_OK(clock_gettime(clock, &time));
    return time.tv_sec * 1000000000ul + time.tv_nsec;
}

static struct timespec spec(uint64_t ns)
{
    return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

/* Each of these waits for `us` microseconds; poll cannot wait for less than a thousand. */

static void by_nanosleep(unsigned us)
{
    const struct timespec time = spec(us * 1000ul);

    CHECK_OK(nanosleep(&time, NULL));
}

static void by_clock(int clock, unsigned us)
{
    const struct timespec time = spec(us * 1000ul);

    CHECK_EQ(clock_nanosleep(clock, 0, &time, NULL), 0);
}

static void to_time(int clock, unsigned us)
{
    const struct timespec time = spec(now_ns(clock) + us * 1000ul);

    CHECK_EQ(clock_nanosleep(clock, TIMER_ABSTIME, &time, NULL), 0);
}

static void by_clock_monotonic(unsigned us)
{
    by_clock(CLOCK_MONOTONIC, us);
}

static void by_clock_realtime(unsigned us)
{
    by_clock(CLOCK_REALTIME, us);
}

static void to_time_monotonic(unsigned us)
{
    to_time(CLOCK_MONOTONIC, us);
}

static void to_time_realtime(unsigned us)
{
    to_time(CLOCK_REALTIME, us);
}

static void by_poll(unsigned us)
{
    CHECK_EQ(CHECK_OK(poll(NULL, 0, us / 1000)), 0);
}

static void by_ppoll(unsigned us)
{
    const struct timespec time = spec(us * 1000ul);

    CHECK_EQ(CHECK_OK(ppoll(NULL, 0, &time, NULL)), 0);
}

static void by_select(unsigned us)
{
    struct timeval time = {.tv_usec = us};

    CHECK_EQ(CHECK_OK(select(0, NULL, NULL, NULL, &time)), 0);
}

static void by_pselect(unsigned us)
{
    const struct timespec time = spec(us * 1000ul);

    CHECK_EQ(CHECK_OK(pselect(0, NULL, NULL, NULL, &time, NULL)), 0);
}

static void by_sigtimedwait(unsigned us)
{
    const struct timespec time = spec(us * 1000ul);
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_ERR(EAGAIN, sigtimedwait(&set, NULL, &time));
}

/* SIGALRM is blocked, and taken by sigwaitinfo. */
static void by_timer(unsigned us)
{
    const struct itimerval timer = {.it_value = {.tv_usec = us}};
    sigset_t set, old;

    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, &old));
    CHECK_OK(setitimer(ITIMER_REAL, &timer, NULL));
    CHECK_EQ(CHECK_OK(sigwaitinfo(&set, NULL)), SIGALRM);
    CHECK_OK(sigprocmask(SIG_SETMASK, &old, NULL));
}

/* Waits once. Returns by how much longer than asked for. */
static uint64_t late_ns(void (*wait)(unsigned us), unsigned us)
{
    uint64_t start_ns = now_ns(CLOCK_MONOTONIC);
    wait(us);
    uint64_t waited_ns = now_ns(CLOCK_MONOTONIC) - start_ns;

    CHECK(waited_ns >= us * 1000ul);
    return waited_ns - us * 1000ul;
}

static void check_fine(void (*wait)(unsigned us), unsigned us)
{
    for (int n = 0; n < TRIES; n++) {
        uint64_t ns = late_ns(wait, us);

        CHECK(!time_is_virtual() || ns < LATE_NS);
    }
}

static void sleeps_are_fine(void)
{
    check_fine(by_nanosleep, 1);
    check_fine(by_nanosleep, 100);
    check_fine(by_nanosleep, 2345);
    check_fine(by_nanosleep, 23456);
    check_fine(by_clock_monotonic, 100);
    check_fine(by_clock_realtime, 100);
}

static void sleeps_to_a_time_are_fine(void)
{
    check_fine(to_time_monotonic, 100);
    check_fine(to_time_realtime, 100);
}

static void timeouts_are_fine(void)
{
    check_fine(by_poll, 1000);
    check_fine(by_poll, 3000);
    check_fine(by_ppoll, 100);
    check_fine(by_select, 100);
    check_fine(by_pselect, 100);
    check_fine(by_sigtimedwait, 100);
}

static void timers_are_fine(void)
{
    check_fine(by_timer, 100);
    check_fine(by_timer, 2345);
}

static void sleep_in_order(void *gate)
{
    for (unsigned us = 1; us <= 100; us++)
        by_nanosleep(us);
    gate_open(gate);
}

/* The deadlines of several sleepers lie between each other. */
static void many_sleep_at_once(void)
{
    struct gate gate = gate_make();
    pid_t pids[8];

    for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
        pids[i] = start_child(sleep_in_order, &gate);
    for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
        gate_pass(&gate);
    for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
        CHECK(exited_with(wait_child(pids[i]), 0));
    gate_destroy(&gate);
}

static unsigned long interrupts(void)
{
    unsigned long count = 0;
    char *text, *line;

    proc_text("/proc/stat", &text);
    line = strstr(text, "\nintr ");
    CHECK(line && sscanf(line, "\nintr %lu", &count) == 1);
    return count;
}

/* An interrupt ends the sleep, and a few come before it: at the next tick, and at a part of the
   time, because the timer's rate is known only roughly. A tick every 10 ms would be 50 more. */
static void an_idle_machine_takes_no_ticks(void)
{
    unsigned long before = interrupts();

    by_nanosleep(500000);
    CHECK(interrupts() - before < 20);
}

int main(void)
{
    RUN(sleeps_are_fine);
    RUN(sleeps_to_a_time_are_fine);
    RUN(timeouts_are_fine);
    RUN(timers_are_fine);
    RUN(many_sleep_at_once);
    RUN_ON_PAGODA(an_idle_machine_takes_no_ticks);
    return test_end();
}
