/* The timers of timer_create: whom they tell of their expiries, and how often. The calls are made
   directly, because the C library adds a thread of its own; one case has that, too.

   A case that needs time to pass reads the clock until it has passed. */
#include "test.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>

#define MS              1000000L
#define NOTIFY_TASK     4 /* SIGEV_THREAD_ID */
#define NO_TIMER        12345
#define CLOCK_COARSE_ID 6 /* CLOCK_MONOTONIC_COARSE */

/* struct sigevent, as the kernel has it. */
struct event {
    void *value;
    int signo, notify, tid, pad[11];
};

static long timer_make(int clock, const struct event *event, int *id)
{
    return syscall(SYS_timer_create, clock, event, id);
}

static long timer_start(int id, int flags, long first_ns, long interval_ns)
{
    const struct itimerspec setting = {
        .it_value = {first_ns / (1000 * MS), first_ns % (1000 * MS)},
        .it_interval = {interval_ns / (1000 * MS), interval_ns % (1000 * MS)},
    };

    return syscall(SYS_timer_settime, id, flags, &setting, NULL);
}

static struct itimerspec timer_left(int id)
{
    struct itimerspec left;

    CHECK_OK(syscall(SYS_timer_gettime, id, &left));
    return left;
}

static bool is_off(int id)
{
    struct itimerspec left = timer_left(id);

    return !left.it_value.tv_sec && !left.it_value.tv_nsec;
}

static long overrun_of(int id)
{
    return CHECK_OK(syscall(SYS_timer_getoverrun, id));
}

static void timer_end(int id)
{
    CHECK_OK(syscall(SYS_timer_delete, id));
}

static int new_timer(int signo, void *value)
{
    const struct event event = {.value = value, .signo = signo};
    int id = -1;

    CHECK_OK(timer_make(CLOCK_MONOTONIC, &event, &id));
    CHECK(id >= 0);
    return id;
}

static long now_ns(int clock)
{
    struct timespec now;

    CHECK_OK(clock_gettime(clock, &now));
    return now.tv_sec * 1000 * MS + now.tv_nsec;
}

static void pass_time(long ns)
{
    long end = now_ns(CLOCK_MONOTONIC) + ns;

    while (now_ns(CLOCK_MONOTONIC) < end)
        ;
}

static sigset_t block(int first, int second)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, first);
    sigaddset(&set, second);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    return set;
}

static void check_none(const sigset_t *set)
{
    struct timespec at_once = {0};

    CHECK_ERR(EAGAIN, sigtimedwait(set, NULL, &at_once));
}

/* ---- Expiries ---- */

static void a_timer_sends_its_signal_once(void)
{
    sigset_t set = block(SIGRTMIN, SIGUSR1);
    int id = new_timer(SIGRTMIN, (void *)4711L);
    siginfo_t info;

    CHECK(is_off(id));
    CHECK_OK(timer_start(id, 0, 2 * MS, 0));
    CHECK_EQ(CHECK_OK(sigwaitinfo(&set, &info)), SIGRTMIN);
    CHECK_EQ(info.si_code, SI_TIMER);
    CHECK_EQ((long)info.si_value.sival_ptr, 4711);
    CHECK_EQ(info.si_timerid, id);
    CHECK_EQ(info.si_overrun, 0);
    CHECK(is_off(id));
    pass_time(5 * MS);
    check_none(&set);
    timer_end(id);
}

static void a_timer_repeats(void)
{
    sigset_t set = block(SIGRTMIN, SIGUSR1);
    int id = new_timer(SIGRTMIN, NULL);

    CHECK_OK(timer_start(id, 0, MS, MS));
    for (int n = 0; n < 5; n++)
        CHECK_EQ(CHECK_OK(sigwaitinfo(&set, NULL)), SIGRTMIN);
    struct itimerspec left = timer_left(id);
    CHECK(left.it_interval.tv_nsec == MS && left.it_value.tv_nsec > 0);
    CHECK(left.it_value.tv_nsec <= MS && left.it_value.tv_sec == 0);
    CHECK_OK(timer_start(id, 0, 0, 0));
    CHECK(is_off(id));
    timer_end(id);
    while (sigtimedwait(&set, NULL, &(struct timespec){0}) > 0)
        ;
}

/* Takes signals of a timer until `least` expiries have been told. The kernel may be late, and tell
   some of them by a further signal. Returns how many have been told. */
static long take_expiries(const sigset_t *set, int id, int signo, long least)
{
    siginfo_t info;
    long told = 0;

    while (told < least) {
        CHECK_EQ(CHECK_OK(sigwaitinfo(set, &info)), signo);
        CHECK_EQ(overrun_of(id), info.si_overrun);
        told += 1 + info.si_overrun;
    }
    return told;
}

static void expiries_of_a_pending_signal_are_counted(void)
{
    sigset_t set = block(SIGRTMIN, SIGUSR1);
    const int signals[] = {SIGRTMIN, SIGUSR1};

    for (int n = 0; n < 2; n++) {
        int id = new_timer(signals[n], NULL);
        long start = now_ns(CLOCK_MONOTONIC);

        CHECK_OK(timer_start(id, 0, MS, MS));
        pass_time(200 * MS);
        long told = take_expiries(&set, id, signals[n], 200);
        CHECK(told <= (now_ns(CLOCK_MONOTONIC) - start) / MS);
        timer_end(id);
        while (sigtimedwait(&set, NULL, &(struct timespec){0}) > 0)
            ;
    }
}

static void a_time_in_the_past_expires_at_once(void)
{
    sigset_t set = block(SIGRTMIN, SIGUSR1);
    const int clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME};
    const struct event event = {.signo = SIGRTMIN};
    int id;

    for (int n = 0; n < 3; n++) {
        CHECK_OK(timer_make(clocks[n], &event, &id));
        CHECK_OK(timer_start(id, TIMER_ABSTIME, 1, 0));
        CHECK_EQ(CHECK_OK(sigwaitinfo(&set, NULL)), SIGRTMIN);
        CHECK_OK(timer_start(id, TIMER_ABSTIME, now_ns(clocks[n]) + 2 * MS, 0));
        CHECK_EQ(CHECK_OK(sigwaitinfo(&set, NULL)), SIGRTMIN);
        timer_end(id);
    }
    check_none(&set);
}

static void a_silent_timer_only_runs(void)
{
    const struct event event = {.signo = 0, .notify = SIGEV_NONE};
    int id;

    CHECK_OK(timer_make(CLOCK_MONOTONIC, &event, &id));
    CHECK_OK(timer_start(id, 0, MS, 0));
    while (!is_off(id))
        ;
    CHECK_OK(timer_start(id, 0, 1000000 * MS, 0));
    CHECK(!is_off(id));
    struct itimerspec off = {0}, old;
    CHECK_OK(syscall(SYS_timer_settime, id, 0, &off, &old));
    CHECK(old.it_value.tv_sec > 900 && old.it_value.tv_sec <= 1000);
    timer_end(id);
}

static void without_an_event_it_is_sigalrm(void)
{
    sigset_t set = block(SIGALRM, SIGUSR1);
    siginfo_t info;
    int first, id;

    CHECK_OK(timer_make(CLOCK_MONOTONIC, NULL, &first));
    CHECK_OK(timer_make(CLOCK_MONOTONIC, NULL, &id)); /* another number */
    CHECK(first != id);
    CHECK_OK(timer_start(id, 0, MS, 0));
    CHECK_EQ(CHECK_OK(sigwaitinfo(&set, &info)), SIGALRM);
    CHECK_EQ(info.si_value.sival_int, id);
    timer_end(first);
    timer_end(id);
}

static void many_timers_expire_in_order(void)
{
    sigset_t set = block(SIGRTMIN, SIGUSR1);
    int ids[16];
    siginfo_t info;
    long start, wait = 20 * MS;

    for (long n = 0; n < 16; n++)
        ids[n] = new_timer(SIGRTMIN, (void *)n);
    do { /* again, if the first is due before the last is set */
        for (int n = 0; n < 16; n++)
            CHECK_OK(timer_start(ids[n], 0, 0, 0));
        while (sigtimedwait(&set, NULL, &(struct timespec){0}) > 0)
            ;
        start = now_ns(CLOCK_MONOTONIC) + wait;
        for (long n = 0; n < 16; n++) /* 7 and 16 have no common factor */
            CHECK_OK(timer_start(ids[n * 7 % 16], TIMER_ABSTIME, start + n * 7 % 16 * MS / 4, 0));
        wait *= 2;
    } while (now_ns(CLOCK_MONOTONIC) >= start);
    for (long n = 0; n < 16; n++) {
        CHECK_EQ(CHECK_OK(sigwaitinfo(&set, &info)), SIGRTMIN);
        CHECK_EQ((long)info.si_value.sival_ptr, n);
    }
    for (int n = 0; n < 16; n++)
        timer_end(ids[n]);
}

/* Twenty timers of a nanosecond leave the machine to others. */
static void short_intervals_leave_time(void)
{
    sigset_t set = block(SIGRTMIN, SIGUSR1);
    int ids[20];

    for (int n = 0; n < 20; n++) {
        ids[n] = new_timer(SIGRTMIN, NULL);
        CHECK_OK(timer_start(ids[n], 0, 1, 1));
    }
    for (int n = 0; n < 20; n++)
        CHECK(exits_with(0, do_nothing, NULL));
    for (int n = 0; n < 20; n++)
        timer_end(ids[n]);
    while (sigtimedwait(&set, NULL, &(struct timespec){0}) > 0)
        ;
}

/* ---- Threads ---- */

static struct {
    struct gate started, done;
    pid_t tid;
} receiver;

static void *wait_for_realtime(void *unused)
{
    sigset_t set;
    int signal;

    (void)unused;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    receiver.tid = syscall(SYS_gettid);
    gate_open(&receiver.started);
    CHECK_EQ(sigwait(&set, &signal), 0);
    return (void *)(long)signal;
}

static void a_timer_tells_one_thread(void)
{
    sigset_t set = block(SIGRTMIN, SIGUSR1);
    struct event event = {.signo = SIGRTMIN, .notify = NOTIFY_TASK};
    pthread_t thread;
    void *result;
    int id;

    receiver.started = gate_make();
    CHECK_EQ(pthread_create(&thread, NULL, wait_for_realtime, NULL), 0);
    gate_pass(&receiver.started);
    event.tid = receiver.tid;
    CHECK_OK(timer_make(CLOCK_MONOTONIC, &event, &id));
    CHECK_OK(timer_start(id, 0, MS, 0));
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK_EQ((long)result, SIGRTMIN);
    CHECK_OK(timer_start(id, 0, MS, 0)); /* nobody is told when the thread has gone */
    pass_time(5 * MS);
    check_none(&set);
    timer_end(id);
    event.tid = getppid();
    CHECK_ERR(EINVAL, timer_make(CLOCK_MONOTONIC, &event, &id));
    gate_destroy(&receiver.started);
}

static sem_t called;

static void call(union sigval value)
{
    CHECK_EQ(value.sival_int, 99);
    sem_post(&called);
}

static void the_c_library_calls_a_function(void)
{
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD,
        .sigev_notify_function = call,
        .sigev_value.sival_int = 99,
    };
    const struct itimerspec setting = {.it_value.tv_nsec = MS, .it_interval.tv_nsec = MS};
    timer_t timer;

    CHECK_OK(sem_init(&called, 0, 0));
    CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
    CHECK_OK(timer_settime(timer, 0, &setting, NULL));
    for (int n = 0; n < 5; n++)
        CHECK_OK(sem_wait(&called));
    CHECK_OK(timer_delete(timer));
}

/* ---- Their end ---- */

static void find_no_timer(void *id)
{
    struct itimerspec left;

    CHECK_ERR(EINVAL, syscall(SYS_timer_gettime, *(int *)id, &left));
}

static void exec_with_a_timer(void *id)
{
    char number[12];
    char *argv[] = {(char *)self_path(), "has-timer", number, NULL};

    (void)id;
    snprintf(number, sizeof(number), "%d", new_timer(SIGRTMIN, NULL));
    CHECK_OK(timer_start(atoi(number), 0, MS, MS));
    execv(argv[0], argv);
}

static void a_timer_belongs_to_its_program(void)
{
    int id = new_timer(SIGRTMIN, NULL);

    CHECK(exits_with(0, find_no_timer, &id));
    CHECK(exits_with(EINVAL, exec_with_a_timer, NULL));
    timer_end(id);
    CHECK_ERR(EINVAL, syscall(SYS_timer_delete, id));
}

static void a_process_ends_with_its_timers(void *unused)
{
    (void)unused;
    block(SIGRTMIN, SIGUSR1);
    for (int n = 0; n < 20; n++)
        CHECK_OK(timer_start(new_timer(SIGRTMIN, NULL), 0, MS, MS));
    pass_time(3 * MS);
}

static void timers_end_with_their_process(void)
{
    CHECK(exits_with(0, a_process_ends_with_its_timers, NULL));
}

static void timers_say_what_is_wrong(void)
{
    struct itimerspec setting = {.it_value.tv_nsec = 1000 * MS};
    struct event event = {.signo = SIGRTMIN};
    char *page = map_pages(1);
    int id = new_timer(SIGRTMIN, NULL), other;

    unmap_pages(page, 1);
    CHECK_ERR(EINVAL, timer_make(999, &event, &other));
    CHECK_ERR(EOPNOTSUPP, timer_make(CLOCK_COARSE_ID, &event, &other));
    CHECK_ERR(EFAULT, timer_make(CLOCK_MONOTONIC, (struct event *)page, &other));
    CHECK_ERR(EFAULT, timer_make(CLOCK_MONOTONIC, &event, (int *)page));
    event.signo = 65;
    CHECK_ERR(EINVAL, timer_make(CLOCK_MONOTONIC, &event, &other));
    event = (struct event){.signo = SIGRTMIN, .notify = 17};
    CHECK_ERR(EINVAL, timer_make(CLOCK_MONOTONIC, &event, &other));
    CHECK_ERR(EINVAL, syscall(SYS_timer_settime, id, 0, &setting, NULL));
    CHECK_ERR(EINVAL, syscall(SYS_timer_settime, id, 0, NULL, NULL));
    CHECK_ERR(EFAULT, syscall(SYS_timer_settime, id, 0, page, NULL));
    CHECK_ERR(EFAULT, syscall(SYS_timer_gettime, id, page));
    CHECK_ERR(EINVAL, timer_start(NO_TIMER, 0, MS, 0));
    CHECK_ERR(EINVAL, syscall(SYS_timer_gettime, NO_TIMER, &setting));
    CHECK_ERR(EINVAL, syscall(SYS_timer_getoverrun, NO_TIMER));
    CHECK_ERR(EINVAL, syscall(SYS_timer_delete, NO_TIMER));
    CHECK_EQ(overrun_of(id), 0);
    timer_end(id);
}

int main(int argc, char **argv)
{
    struct itimerspec left;

    if (argc > 2)
        return syscall(SYS_timer_gettime, atoi(argv[2]), &left) ? errno : 0;
    RUN(a_timer_sends_its_signal_once);
    RUN(a_timer_repeats);
    RUN(expiries_of_a_pending_signal_are_counted);
    RUN(a_time_in_the_past_expires_at_once);
    RUN(a_silent_timer_only_runs);
    RUN(without_an_event_it_is_sigalrm);
    RUN(many_timers_expire_in_order);
    RUN(short_intervals_leave_time);
    RUN(a_timer_tells_one_thread);
    RUN(the_c_library_calls_a_function);
    RUN(a_timer_belongs_to_its_program);
    RUN(timers_end_with_their_process);
    RUN(timers_say_what_is_wrong);
    return test_end();
}
