/* Threads: races between the threads of a process, and between them and other processes. Each case
   tries its race often; which order of events it meets depends on the machine. */
#include "threading.h"

#include <sched.h>
#include <semaphore.h>
#include <sys/syscall.h>

#define ROUNDS      200
#define STACK_BYTES (64 * KIB)
#define FUTEX_WAIT  0 /* as <linux/futex.h> has it */

static sigset_t set_of(int first, int second)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, first);
    sigaddset(&set, second);
    return set;
}

/* A thread begins. */

static struct {
    int parent_tid, child_tid; /* as clone writes them */
    int seen;                  /* by the thread, in parent_tid */
} numbers;

#define THREAD_FLAGS                                                                          \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_PARENT_SETTID | \
     CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID)

static int look_and_exit(void *unused)
{
    (void)unused;
    numbers.seen = __atomic_load_n(&numbers.parent_tid, __ATOMIC_SEQ_CST);
    syscall(SYS_exit, 0);
    return 0;
}

/* A thread that runs before its creator has written the number would find 0. */
static void a_new_thread_finds_its_number_written(void)
{
    char *stack = map_pages(STACK_BYTES / PAGE);
    int tid;

    for (int n = 0; n < ROUNDS; n++) {
        numbers.parent_tid = 0;
        numbers.child_tid = 1;
        int made = CHECK_OK(clone(look_and_exit, stack + STACK_BYTES, THREAD_FLAGS, NULL,
                                  &numbers.parent_tid, NULL, &numbers.child_tid));
        while ((tid = __atomic_load_n(&numbers.child_tid, __ATOMIC_SEQ_CST)))
            syscall(SYS_futex, &numbers.child_tid, FUTEX_WAIT, tid, NULL, NULL, 0);
        CHECK_EQ(numbers.seen, made);
        CHECK_EQ(numbers.parent_tid, made);
    }
    unmap_pages(stack, STACK_BYTES / PAGE);
}

static void *return_at_once(void *arg)
{
    return arg;
}

static void *start_threads(void *unused)
{
    for (;;) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, return_at_once, NULL) == 0)
            pthread_join(thread, NULL);
    }
    return unused;
}

static void exit_beside_new_threads(void *unused)
{
    (void)unused;
    thread_start(start_threads, NULL);
    thread_start(start_threads, NULL);
    sched_yield();
    _exit(3);
}

/* The threads that are made meanwhile end too, once they run. */
static void a_process_exits_while_threads_begin(void)
{
    for (int n = 0; n < ROUNDS / 4; n++)
        CHECK(exits_with(3, exit_beside_new_threads, NULL));
}

/* Signals that several threads await. */

static sem_t awaiting;

static void *await_one(void *set)
{
    int signo;

    sem_post(&awaiting);
    CHECK_EQ(sigwait(set, &signo), 0);
    return (void *)(long)signo;
}

/* Both signals may be sent before the first thread has taken its one. */
static void two_threads_that_await_two_signals_get_one_each(void)
{
    sigset_t set = set_of(SIGUSR1, SIGUSR2);

    CHECK_EQ(sem_init(&awaiting, 0, 0), 0);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    for (int n = 0; n < ROUNDS; n++) {
        pthread_t first = thread_start(await_one, &set), second = thread_start(await_one, &set);

        sem_wait(&awaiting);
        sem_wait(&awaiting);
        CHECK_OK(kill(getpid(), SIGUSR1));
        CHECK_OK(kill(getpid(), SIGUSR2));
        CHECK_EQ((long)thread_join(first) + (long)thread_join(second), SIGUSR1 + SIGUSR2);
    }
    CHECK_EQ(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
}

/* Signals to a thread whose process is about to stop. */

static sem_t handled;

static void note_signal(int unused)
{
    (void)unused;
    sem_post(&handled);
}

static void *take_stops(void *tid)
{
    *(volatile int *)tid = syscall(SYS_gettid);
    sem_post(&awaiting);
    for (;;)
        pause();
    return NULL;
}

/* The process is a session leader, so its group is orphaned: a SIGTSTP is dropped, after the thread
   that takes it has begun to stop the process. */
static void signal_beside_futile_stops(void *unused)
{
    sigset_t stops = set_of(SIGTSTP, SIGTSTP);
    volatile int tid;

    (void)unused;
    CHECK_OK(setsid());
    CHECK_EQ(sem_init(&handled, 0, 0), 0);
    CHECK_EQ(sem_init(&awaiting, 0, 0), 0);
    signal(SIGUSR1, note_signal);
    thread_start(take_stops, (void *)&tid);
    sem_wait(&awaiting);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &stops, NULL), 0);
    for (int n = 0; n < 10 * ROUNDS; n++) {
        CHECK_OK(syscall(SYS_tgkill, getpid(), tid, SIGTSTP));
        CHECK_OK(syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1));
        while (sem_wait(&handled))
            CHECK_EQ(errno, EINTR);
    }
    _exit(0);
}

static void a_signal_beside_a_futile_stop_arrives(void)
{
    CHECK(exits_with(0, signal_beside_futile_stops, NULL));
}

/* Signals to a group of which threads fork. */

static sem_t all_have_started;

static void *fork_for_ever(void *unused)
{
    sem_wait(&all_have_started);
    for (;;) {
        if (fork() == 0)
            for (;;)
                pause();
    }
    return unused;
}

static void fork_in_threads(void *ready)
{
    CHECK_OK(setpgid(0, 0));
    CHECK_EQ(sem_init(&all_have_started, 0, 0), 0);
    thread_start(fork_for_ever, NULL);
    thread_start(fork_for_ever, NULL);
    for (int n = 0; n < 3; n++)
        sem_post(&all_have_started);
    gate_open(ready);
    fork_for_ever(NULL);
}

/* Every member of the group has the writing end of a pipe, which is at its end when all are gone.
   Only SIGKILL is sure to reach all: musl blocks other signals while it forks. */
static void kill_group_of_forkers(void)
{
    struct gate ready = gate_make();
    int alive[2];
    char byte;

    make_pipe(alive);
    pid_t pid = start_child(fork_in_threads, &ready);
    gate_pass(&ready);
    CHECK_OK(close(alive[1]));
    CHECK_OK(kill(-pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
    CHECK_EQ(read(alive[0], &byte, 1), 0);
    CHECK_OK(close(alive[0]));
    gate_destroy(&ready);
}

static void a_killed_group_leaves_no_child_of_its_threads(void)
{
    for (int n = 0; n < 20; n++)
        kill_group_of_forkers();
}

/* Signals that end a group. */

static int told[2]; /* a pipe */

static void *tell_the_end_of_a_child(void *unused)
{
    pid_t pid = start_child(wait_for_ever, NULL);

    sem_post(&awaiting);
    waitpid(pid, NULL, 0);
    (void)!write(told[1], "", 1);
    return unused;
}

static void wait_in_threads(void *ready)
{
    CHECK_OK(setpgid(0, 0));
    CHECK_EQ(sem_init(&awaiting, 0, 0), 0);
    for (int n = 0; n < 4; n++)
        thread_start(tell_the_end_of_a_child, NULL);
    for (int n = 0; n < 4; n++)
        sem_wait(&awaiting);
    gate_open(ready);
    wait_for_ever(NULL);
}

/* Returns how many bytes a group has written that is ended while threads wait for its members. */
static int bytes_told_at_the_end(int signo)
{
    struct gate ready = gate_make();
    char bytes[4];

    make_pipe(told);
    pid_t pid = start_child(wait_in_threads, &ready);
    gate_pass(&ready);
    CHECK_OK(close(told[1]));
    CHECK_OK(kill(-pid, signo));
    CHECK(killed_by(wait_child(pid), signo));
    int count = CHECK_OK(read(told[0], bytes, sizeof(bytes)));
    CHECK_OK(close(told[0]));
    gate_destroy(&ready);
    return count;
}

/* The signal ends all threads of a process when it is sent, so none finds a child that it has
   ended. */
static void no_thread_of_an_ended_group_finds_an_ended_child(void)
{
    for (int n = 0; n < 20; n++) {
        CHECK_EQ(bytes_told_at_the_end(SIGKILL), 0);
        CHECK_EQ(bytes_told_at_the_end(SIGTERM), 0);
    }
}

/* Numbers of threads. */

static void *number_and_wait(void *tid)
{
    *(volatile int *)tid = syscall(SYS_gettid);
    sem_post(&awaiting);
    for (;;)
        pause();
    return NULL;
}

static void be_killed_by_the_number_of_a_thread(void *unused)
{
    volatile int tid;

    (void)unused;
    CHECK_EQ(sem_init(&awaiting, 0, 0), 0);
    thread_start(number_and_wait, (void *)&tid);
    sem_wait(&awaiting);
    CHECK_OK(kill(tid, 0));
    kill(tid, SIGTERM);
    for (;;)
        pause();
}

static void kill_by_the_number_of_a_thread_reaches_the_process(void)
{
    CHECK(dies_by(SIGTERM, be_killed_by_the_number_of_a_thread, NULL));
}

static void *find_the_leader_gone(void *unused)
{
    int leader = getpid();

    while (process_state(leader) != 'Z')
        sched_yield();
    _exit(syscall(SYS_tgkill, leader, leader, 0) == 0 && kill(leader, 0) == 0 ? 4 : 1);
    return unused;
}

static void leave_a_thread_behind(void *unused)
{
    (void)unused;
    thread_start(find_the_leader_gone, NULL);
    syscall(SYS_exit, 0);
}

static void a_first_thread_that_has_left_can_still_be_named(void)
{
    CHECK(exits_with(4, leave_a_thread_behind, NULL));
}

/* When the kernel clears the word of a thread that ends, the thread may still be on its way out. It
   blocks no signals, but it takes none. (The threads of musl block all when they end.) */
static void join_and_be_signalled(void *unused)
{
    sigset_t set = set_of(SIGTERM, SIGUSR1);
    char *stack = map_pages(STACK_BYTES / PAGE);
    int tid;

    (void)unused;
    for (int n = 0; n < ROUNDS; n++) {
        numbers.child_tid = 1;
        CHECK_OK(clone(look_and_exit, stack + STACK_BYTES, THREAD_FLAGS, NULL, &numbers.parent_tid,
                       NULL, &numbers.child_tid));
        while ((tid = __atomic_load_n(&numbers.child_tid, __ATOMIC_SEQ_CST)))
            syscall(SYS_futex, &numbers.child_tid, FUTEX_WAIT, tid, NULL, NULL, 0);
        CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
        CHECK_OK(kill(getpid(), SIGTERM));
        CHECK_EQ(CHECK_OK(sigwaitinfo(&set, NULL)), SIGTERM);
        CHECK_OK(sigprocmask(SIG_UNBLOCK, &set, NULL));
    }
}

static void a_thread_that_was_joined_takes_no_signals(void)
{
    CHECK(exits_with(0, join_and_be_signalled, NULL));
}

int main(void)
{
    RUN(a_new_thread_finds_its_number_written);
    RUN(a_process_exits_while_threads_begin);
    RUN(two_threads_that_await_two_signals_get_one_each);
    RUN(a_signal_beside_a_futile_stop_arrives);
    RUN(a_killed_group_leaves_no_child_of_its_threads);
    RUN(no_thread_of_an_ended_group_finds_an_ended_child);
    RUN(a_thread_that_was_joined_takes_no_signals);
    RUN(kill_by_the_number_of_a_thread_reaches_the_process);
    RUN(a_first_thread_that_has_left_can_still_be_named);
    return test_end();
}
