/* ITIMER_VIRTUAL and ITIMER_PROF, which send signals after an amount of CPU time, and the clocks of
   CPU time. No case measures time: each works until its signal has come. */
#include "test.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

static volatile sig_atomic_t calls;

static void count(int signal)
{
    (void)signal;
    calls++;
}

static void handle(int signal)
{
    CHECK_OK(sigaction(signal, &(struct sigaction){.sa_handler = count}, NULL));
    calls = 0;
}

static void set(int which, int value_us, int interval_us)
{
    struct itimerval timer = {{0, interval_us}, {0, value_us}};

    CHECK_OK(setitimer(which, &timer, NULL));
}

/* Sets a timer that does not go off while the test lasts. */
static void set_far(int which, int interval_us)
{
    struct itimerval timer = {{0, interval_us}, {1000, 0}};

    CHECK_OK(setitimer(which, &timer, NULL));
}

/* Returns true if the timer is set. Its interval must be `interval_us`. */
static bool is_set(int which, int interval_us)
{
    struct itimerval timer;

    CHECK_OK(getitimer(which, &timer));
    bool has_time = timer.it_value.tv_sec || timer.it_value.tv_usec;
    CHECK_EQ(timer.it_interval.tv_sec, 0);
    CHECK_EQ(timer.it_interval.tv_usec, interval_us);
    return has_time;
}

static void work_until(int wanted)
{
    while (calls < wanted)
        ;
}

static void a_timer_goes_off_once(void)
{
    handle(SIGVTALRM);
    CHECK(!is_set(ITIMER_VIRTUAL, 0));
    set(ITIMER_VIRTUAL, 20000, 0);
    work_until(1);
    CHECK_EQ(calls, 1);
    CHECK(!is_set(ITIMER_VIRTUAL, 0));
}

static void a_timer_goes_off_again_and_again(void)
{
    handle(SIGVTALRM);
    set(ITIMER_VIRTUAL, 1, 15000);
    work_until(3);
    CHECK(is_set(ITIMER_VIRTUAL, 15000));
    set(ITIMER_VIRTUAL, 0, 15000); /* no value: it is off, and the interval means nothing */
    CHECK(!is_set(ITIMER_VIRTUAL, 15000));
    set(ITIMER_VIRTUAL, 0, 0);
}

/* Work in the kernel counts as well. */
static void a_timer_may_count_kernel_mode_too(void)
{
    static char bytes[64 * KIB];
    int fd = CHECK_OK(open("/dev/zero", O_RDONLY));

    handle(SIGPROF);
    set(ITIMER_PROF, 20000, 10000);
    while (calls < 2)
        CHECK(read(fd, bytes, sizeof(bytes)) > 0);
    set(ITIMER_PROF, 0, 0);
    CHECK_OK(close(fd));
}

static void work_for_ever(void *unused)
{
    (void)unused;
    signal(SIGVTALRM, SIG_DFL);
    set(ITIMER_VIRTUAL, 10000, 0);
    for (;;)
        ;
}

static void without_a_handler_it_kills(void)
{
    CHECK(dies_by(SIGVTALRM, work_for_ever, NULL));
}

static void check_unset(void *unused)
{
    (void)unused;
    CHECK(!is_set(ITIMER_VIRTUAL, 0));
    CHECK(!is_set(ITIMER_PROF, 0));
}

static void exec_and_check(void *unused)
{
    (void)unused;
    set_far(ITIMER_PROF, 700000);
    execl(self_path(), "cpu_timers", "is-set", NULL);
    _exit(TEST_FAILED);
}

static void exec_keeps_them_and_fork_does_not(void)
{
    set_far(ITIMER_VIRTUAL, 800000);
    set_far(ITIMER_PROF, 800000);
    CHECK(exits_with(0, check_unset, NULL));
    CHECK(is_set(ITIMER_VIRTUAL, 800000));
    set(ITIMER_VIRTUAL, 0, 0);
    set(ITIMER_PROF, 0, 0);
    CHECK(exits_with(0, exec_and_check, NULL));
}

static void the_old_setting_is_told(void)
{
    struct itimerval timer = {{0, 300000}, {500, 0}}, old;

    CHECK_OK(setitimer(ITIMER_PROF, &timer, NULL));
    CHECK_OK(setitimer(ITIMER_PROF, &(struct itimerval){0}, &old));
    CHECK_EQ(old.it_interval.tv_usec, 300000);
    CHECK(old.it_value.tv_sec > 400 && old.it_value.tv_sec <= 500);
    CHECK_ERR(EINVAL, setitimer(3, &timer, NULL));
    CHECK_ERR(EINVAL, getitimer(3, &old));
    timer.it_value.tv_usec = 1000000;
    CHECK_ERR(EINVAL, setitimer(ITIMER_VIRTUAL, &timer, NULL));
}

/* ---- CPU time as a clock ---- */

static uint64_t clock_ns(int clock)
{
    struct timespec time = {0};

    CHECK_OK(syscall(SYS_clock_gettime, clock, &time));
    CHECK(time.tv_nsec >= 0 && time.tv_nsec < 1000000000);
    return time.tv_sec * 1000000000 + time.tv_nsec;
}

static void work_moves_the_clocks(void)
{
    static const int clocks[] = {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
    struct timespec resolution;

    for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
        uint64_t start = clock_ns(clocks[i]);

        while (clock_ns(clocks[i]) < start + 15000000)
            ;
        CHECK_OK(syscall(SYS_clock_getres, clocks[i], &resolution));
        CHECK(resolution.tv_sec == 0 && resolution.tv_nsec == 1);
    }
    CHECK(clock() >= 30 * CLOCKS_PER_SEC / 1000); /* it asks the first of them */
}

static uint64_t usage_ns(const struct rusage *usage)
{
    return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000000 +
           (usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * 1000;
}

/* The parts of a usage are cut to microseconds. */
static void the_usage_is_what_the_clock_shows(void)
{
    struct rusage usage;

    for (int i = 0; i < 100; i++) {
        uint64_t before = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        CHECK_OK(getrusage(RUSAGE_SELF, &usage));
        uint64_t after = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

        CHECK(before < after);
        CHECK(usage_ns(&usage) + 2000 > before && usage_ns(&usage) <= after);
    }
}

static void work_a_millisecond(void *unused)
{
    (void)unused;
    while (clock_ns(CLOCK_PROCESS_CPUTIME_ID) < 1000000)
        ;
    _exit(0);
}

/* By ticks alone, most of these children would count as idle, and some as ten times as busy. */
static void short_lives_are_counted(void)
{
    struct rusage usage;
    int status;

    for (int i = 0; i < 10; i++) {
        pid_t pid = start_child(work_a_millisecond, NULL);
        CHECK_EQ(CHECK_OK(wait4(pid, &status, 0, &usage)), pid);
        CHECK(exited_with(status, 0));
        CHECK(usage_ns(&usage) + 2000 >= 1000000);
    }
}

/* The host may stop a virtual CPU that goes to sleep, but not every time. */
static void sleep_does_not(void)
{
    uint64_t start;

    do {
        start = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        CHECK_OK(nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL));
    } while (clock_ns(CLOCK_PROCESS_CPUTIME_ID) >= start + 60000000);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "is-set") == 0)
        return is_set(ITIMER_PROF, 700000) && !is_set(ITIMER_VIRTUAL, 0) ? TEST_PASSED
                                                                         : TEST_FAILED;
    RUN(a_timer_goes_off_once);
    RUN(a_timer_goes_off_again_and_again);
    RUN(a_timer_may_count_kernel_mode_too);
    RUN(without_a_handler_it_kills);
    RUN(exec_keeps_them_and_fork_does_not);
    RUN(the_old_setting_is_told);
    RUN(work_moves_the_clocks);
    RUN(sleep_does_not);
    RUN(the_usage_is_what_the_clock_shows);
    RUN(short_lives_are_counted);
    return test_end();
}
