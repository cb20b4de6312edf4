/* Threads and processes that wait for each other: futexes, pipes, signals. */
#include "workload.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

/* ---- Mutexes and condition variables ---- */

#define LOCKERS 4
#define TIMES   200
#define TURNS   10

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int count, turn;
} guarded = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void lock_often(struct member *self)
{
    for (int n = 0; n < TIMES; n++) {
        pthread_mutex_lock(&guarded.mutex);
        guarded.count++;
        pthread_mutex_unlock(&guarded.mutex);
        dawdle(&self->random, 100);
    }
    for (int n = 0; n < TURNS; n++) {
        pthread_mutex_lock(&guarded.mutex);
        while (guarded.turn % LOCKERS != self->number)
            pthread_cond_wait(&guarded.changed, &guarded.mutex);
        guarded.turn++;
        pthread_cond_broadcast(&guarded.changed);
        pthread_mutex_unlock(&guarded.mutex);
    }
}

static void mutexes_exclude_and_wake(uint64_t *random)
{
    crew_run(random, LOCKERS,
             (void (*const[])(struct member *)){lock_often, lock_often, lock_often, lock_often});
    CHECK_EQ(guarded.count, LOCKERS * TIMES);
    CHECK_EQ(guarded.turn, LOCKERS * TURNS);
}

/* ---- A futex ---- */

#define PLAYERS 3
#define THROWS  120u

enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1 };

static unsigned ball; /* atomic; how often it has been thrown */

/* Waits until the ball has been thrown `n` times, and throws it. */
static void throw_after(unsigned n)
{
    unsigned seen;

    while ((seen = __atomic_load_n(&ball, __ATOMIC_ACQUIRE)) != n)
        if (syscall(SYS_futex, &ball, FUTEX_WAIT, seen, NULL, NULL, 0))
            CHECK(errno == EAGAIN || errno == EINTR);
    __atomic_store_n(&ball, n + 1, __ATOMIC_RELEASE);
    CHECK_OK(syscall(SYS_futex, &ball, FUTEX_WAKE, PLAYERS, NULL, NULL, 0));
}

static void play(struct member *self)
{
    for (unsigned n = self->number; n < THROWS; n += PLAYERS)
        throw_after(n);
}

static void a_futex_wakes_all_that_wait(uint64_t *random)
{
    crew_run(random, PLAYERS, (void (*const[])(struct member *)){play, play, play});
    CHECK_EQ(ball, THROWS);
}

/* ---- Pipes ---- */

#define RECORD  64
#define RECORDS 300
#define AT_ONCE 8 /* records in one write, below PIPE_BUF */

static int pipe_fds[2];
static unsigned taken; /* atomic; records */

/* A record holds one byte, many times. */
static void write_records(struct member *self)
{
    char records[AT_ONCE * RECORD];
    int left = RECORDS;

    while (left > 0) {
        int now = 1 + random_below(&self->random, AT_ONCE);

        now = now < left ? now : left;
        for (int n = 0; n < now; n++)
            memset(records + n * RECORD, random_next(&self->random), RECORD);
        CHECK_EQ(CHECK_OK(write(pipe_fds[1], records, now * RECORD)), now * RECORD);
        left -= now;
    }
}

static void read_records(struct member *self)
{
    char record[RECORD];

    (void)self;
    while (__atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED) < 2 * RECORDS) {
        CHECK_EQ(CHECK_OK(read(pipe_fds[0], record, RECORD)), RECORD);
        for (int n = 1; n < RECORD; n++)
            CHECK_EQ(record[n], record[0]);
    }
}

static void records_in_a_pipe_stay_whole(uint64_t *random)
{
    make_pipe(pipe_fds);
    crew_run(random, 4,
             (void (*const[])(struct member *)){write_records, write_records, read_records,
                                                read_records});
}

/* ---- Signals ---- */

#define CATCHERS 3
#define SIGNALS  60u

static unsigned caught; /* atomic; signals */
static pid_t catchers[CATCHERS];
static int is_done; /* atomic */

static void count_signal(int signal)
{
    (void)signal;
    __atomic_fetch_add(&caught, 1, __ATOMIC_RELAXED);
}

/* Makes calls that sleep and that fault, in which signals arrive. */
static void catch_signals(struct member *self)
{
    char *page = map_pages(1);
    sigset_t none;
    int fds[2];

    make_pipe(fds);
    sigemptyset(&none);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &none, NULL), 0);
    __atomic_store_n(&catchers[self->number], syscall(SYS_gettid), __ATOMIC_RELEASE);
    while (!__atomic_load_n(&is_done, __ATOMIC_ACQUIRE)) {
        struct timespec brief = {.tv_nsec = random_below(&self->random, 100000)};

        CHECK_EQ(CHECK_OK(write(fds[1], "", 1)), 1);
        CHECK_OK(madvise(page, PAGE, MADV_DONTNEED));
        CHECK_EQ(CHECK_OK(read(fds[0], page, 1)), 1);
        if (nanosleep(&brief, NULL))
            CHECK_EQ(errno, EINTR);
    }
}

/* Sends one signal after the other, each when the one before has been caught. */
static void send_signals(struct member *self)
{
    for (int n = 0; n < CATCHERS; n++)
        while (!__atomic_load_n(&catchers[n], __ATOMIC_ACQUIRE))
            sched_yield();
    for (unsigned n = 0; n < SIGNALS; n++) {
        if (random_below(&self->random, 2))
            CHECK_OK(kill(getpid(), SIGUSR2));
        else
            CHECK_OK(syscall(SYS_tgkill, getpid(), catchers[random_below(&self->random, CATCHERS)],
                             SIGUSR1));
        while (__atomic_load_n(&caught, __ATOMIC_ACQUIRE) <= n)
            sched_yield();
        dawdle(&self->random, 2000);
    }
    __atomic_store_n(&is_done, 1, __ATOMIC_RELEASE);
}

static void each_signal_arrives_once(uint64_t *random)
{
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
    sigset_t all;

    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    CHECK_OK(sigaction(SIGUSR2, &action, NULL));
    sigfillset(&all);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &all, NULL), 0); /* the catchers unblock them */
    crew_run(random, CATCHERS + 1,
             (void (*const[])(struct member *)){catch_signals, catch_signals, catch_signals,
                                                send_signals});
    CHECK_EQ(caught, SIGNALS);
}

int main(int argc, char **argv)
{
    static const struct workload all[] = {
        {"mutexes_exclude_and_wake", mutexes_exclude_and_wake},
        {"a_futex_wakes_all_that_wait", a_futex_wakes_all_that_wait},
        {"records_in_a_pipe_stay_whole", records_in_a_pipe_stay_whole},
        {"each_signal_arrives_once", each_signal_arrives_once},
    };

    return workloads_main(argc, argv, all, ARRAY_SIZE(all));
}
