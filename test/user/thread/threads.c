/* Threads: how they begin and end, what they share, and how a process with several of them forks,
   runs another program, is stopped and is killed.

   The program can also be started as "runs-and-exits N", which exits with N at once. */
#include "threading.h"

#include <sched.h>
#include <semaphore.h>
#include <sys/syscall.h>

#define THREADS 8

static pid_t my_tid(void)
{
    return syscall(SYS_gettid);
}

static void *sleep_for_ever(void *unused)
{
    for (;;)
        pause();
    return unused;
}

static void *spin_for_ever(void *unused)
{
    for (volatile long n = 0;; n++)
        ;
    return unused;
}

/* Beginning and end. */

static void *double_it(void *arg)
{
    return (void *)((long)arg * 2);
}

static void a_thread_returns_a_result(void)
{
    CHECK_EQ((long)thread_join(thread_start(double_it, (void *)21)), 42);
}

static void *tid_of(void *tid)
{
    *(pid_t *)tid = my_tid();
    return (void *)(long)getpid();
}

static void threads_share_a_pid_and_have_numbers_of_their_own(void)
{
    pid_t tids[THREADS];
    pthread_t threads[THREADS];

    for (int n = 0; n < THREADS; n++)
        threads[n] = thread_start(tid_of, &tids[n]);
    for (int n = 0; n < THREADS; n++)
        CHECK_EQ((long)thread_join(threads[n]), getpid());
    CHECK_EQ(my_tid(), getpid());
    for (int n = 0; n < THREADS; n++) {
        CHECK(tids[n] > 0 && tids[n] != getpid());
        for (int m = 0; m < n; m++)
            CHECK(tids[n] != tids[m]);
    }
}

static void a_thousand_threads_succeed_in_sequence(void)
{
    for (long n = 0; n < 1000; n++)
        CHECK_EQ((long)thread_join(thread_start(double_it, (void *)n)), 2 * n);
}

static void *exit_of_thread(void *code)
{
    syscall(SYS_exit, (int)(long)code);
    return NULL;
}

static void *exit_of_process(void *code)
{
    _exit((int)(long)code);
}

static void end_of_one_thread(void *unused)
{
    (void)unused;
    pthread_t thread = thread_start(double_it, NULL);
    thread_join(thread);
    _exit(5);
}

static void exit_group_in_a_thread(void *unused)
{
    (void)unused;
    for (int n = 0; n < THREADS; n++)
        thread_start(n % 2 ? sleep_for_ever : spin_for_ever, NULL);
    thread_start(exit_of_process, (void *)6);
    sleep_for_ever(NULL);
}

static void *exit_after_the_leader(void *code)
{
    while (process_state(getpid()) != 'Z')
        sched_yield();
    return exit_of_thread(code);
}

/* The status of the process is that of the thread that leaves last. */
static void the_leader_leaves_first(void *unused)
{
    (void)unused;
    thread_join(thread_start(double_it, NULL));
    thread_start(exit_after_the_leader, (void *)9);
    syscall(SYS_exit, 8);
}

static void the_last_thread_ends_the_process(void)
{
    CHECK(exits_with(5, end_of_one_thread, NULL));
    CHECK(exits_with(6, exit_group_in_a_thread, NULL));
    CHECK(exits_with(9, the_leader_leaves_first, NULL));
}

/* What they share. */

static struct {
    pthread_mutex_t mutex;
    long count;
} guarded = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void *count_up(void *times)
{
    for (long n = 0; n < (long)times; n++) {
        pthread_mutex_lock(&guarded.mutex);
        guarded.count++;
        pthread_mutex_unlock(&guarded.mutex);
    }
    return NULL;
}

static void a_mutex_excludes(void)
{
    pthread_t threads[THREADS];

    guarded.count = 0;
    for (int n = 0; n < THREADS; n++)
        threads[n] = thread_start(count_up, (void *)2000);
    for (int n = 0; n < THREADS; n++)
        thread_join(threads[n]);
    CHECK_EQ(guarded.count, THREADS * 2000);
}

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    long turn;
} ring = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

#define ROUNDS 50

static void *take_turns(void *arg)
{
    long me = (long)arg;

    for (int round = 0; round < ROUNDS; round++) {
        pthread_mutex_lock(&ring.mutex);
        while (ring.turn % THREADS != me)
            pthread_cond_wait(&ring.changed, &ring.mutex);
        ring.turn++;
        pthread_cond_broadcast(&ring.changed);
        pthread_mutex_unlock(&ring.mutex);
    }
    return NULL;
}

static void condition_variables_pass_turns(void)
{
    pthread_t threads[THREADS];

    ring.turn = 0;
    for (long n = 0; n < THREADS; n++)
        threads[n] = thread_start(take_turns, (void *)n);
    for (int n = 0; n < THREADS; n++)
        thread_join(threads[n]);
    CHECK_EQ(ring.turn, THREADS * ROUNDS);
}

static __thread int own = 3;

static void *own_of_thread(void *unused)
{
    (void)unused;
    own += 1;
    return (void *)(long)own;
}

static void thread_local_data_is_each_threads_own(void)
{
    own = 10;
    for (int n = 0; n < 3; n++)
        CHECK_EQ((long)thread_join(thread_start(own_of_thread, NULL)), 4);
    CHECK_EQ(own, 10);
}

static void *write_pages(void *arg)
{
    char *pages = arg;

    for (unsigned long n = 0; n < 64; n++)
        pages[n * PAGE] = 1;
    return NULL;
}

static void threads_see_each_others_memory(void)
{
    char *pages = map_pages(64);

    thread_join(thread_start(write_pages, pages));
    for (unsigned long n = 0; n < 64; n++)
        CHECK_EQ(pages[n * PAGE], 1);
    CHECK_OK(munmap(pages, 64 * PAGE));
}

static void *open_a_file(void *unused)
{
    (void)unused;
    return (void *)(long)open("/", O_RDONLY);
}

static void threads_share_descriptors_and_the_directory(void)
{
    int fd = (long)thread_join(thread_start(open_a_file, NULL));

    CHECK(fd >= 0);
    CHECK_OK(fcntl(fd, F_GETFD));
    CHECK_OK(close(fd));
}

/* Fork and exec. */

static void *fork_and_exit(void *unused)
{
    pid_t pid = CHECK_OK(fork());

    (void)unused;
    if (pid == 0)
        _exit(my_tid() == getpid() ? 4 : 1);
    return (void *)(long)exited_with(wait_child(pid), 4);
}

static void a_thread_forks_a_process_of_one_thread(void)
{
    pthread_t threads[THREADS];

    for (int n = 0; n < THREADS; n++)
        threads[n] = thread_start(fork_and_exit, NULL);
    for (int n = 0; n < THREADS; n++)
        CHECK(thread_join(threads[n]));
}

static void *run_program(void *unused)
{
    char *argv[] = {(char *)self_path(), "runs-and-exits", "8", NULL};

    (void)unused;
    execv(argv[0], argv);
    _exit(1);
}

static void exec_in_a_thread(void *unused)
{
    (void)unused;
    for (int n = 0; n < THREADS; n++)
        thread_start(n % 2 ? sleep_for_ever : spin_for_ever, NULL);
    thread_start(run_program, NULL);
    sleep_for_ever(NULL);
}

static void exec_in_the_leader(void *unused)
{
    (void)unused;
    for (int n = 0; n < THREADS; n++)
        thread_start(n % 2 ? sleep_for_ever : spin_for_ever, NULL);
    run_program(NULL);
}

static void exec_in_all(void *unused)
{
    (void)unused;
    for (int n = 0; n < THREADS; n++) {
        pthread_t thread;
        int err = pthread_create(&thread, NULL, run_program, NULL);

        CHECK(err == 0 || err == EAGAIN); /* Linux: another thread is in exec */
    }
    run_program(NULL);
}

static void exec_ends_the_other_threads(void)
{
    CHECK(exits_with(8, exec_in_a_thread, NULL));
    CHECK(exits_with(8, exec_in_the_leader, NULL));
    for (int n = 0; n < 10; n++)
        CHECK(exits_with(8, exec_in_all, NULL));
}

/* Signals. */

static void many_threads(void *ready)
{
    for (int n = 0; n < THREADS; n++)
        thread_start(n % 2 ? sleep_for_ever : spin_for_ever, NULL);
    gate_open(ready);
    sleep_for_ever(NULL);
}

static void a_fatal_signal_ends_all_threads(void)
{
    struct gate ready = gate_make();
    pid_t pid = start_child(many_threads, &ready);

    gate_pass(&ready);
    CHECK_OK(kill(pid, SIGTERM));
    CHECK(killed_by(wait_child(pid), SIGTERM));
    gate_destroy(&ready);
}

static void stop_and_continue_act_on_all_threads(void)
{
    struct gate ready = gate_make();
    pid_t pid = start_child(many_threads, &ready);
    int status;

    gate_pass(&ready);
    for (int n = 0; n < 3; n++) {
        CHECK_OK(kill(pid, SIGSTOP));
        CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
        CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
        CHECK_OK(kill(pid, SIGCONT));
        CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
        CHECK(WIFCONTINUED(status));
    }
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
    gate_destroy(&ready);
}

static volatile pid_t handled_by;
static sem_t handled;
static __thread pid_t tid_here; /* for a handler, which makes no call to learn it */

static void note_thread(int unused)
{
    (void)unused;
    handled_by = tid_here;
    sem_post(&handled);
}

struct sleeper {
    sem_t ready, done;
    pid_t tid;
};

static void await(sem_t *semaphore)
{
    while (sem_wait(semaphore) && errno == EINTR)
        ;
}

/* Sleeps until `done`, beyond any signal. */
static void *sleep_until_done(void *arg)
{
    struct sleeper *sleeper = arg;

    sleeper->tid = tid_here = my_tid();
    sem_post(&sleeper->ready);
    await(&sleeper->done);
    return NULL;
}

static void handle_signal(int signo)
{
    CHECK_EQ(sem_init(&handled, 0, 0), 0);
    handled_by = 0;
    signal(signo, note_thread);
}

static void a_signal_to_a_thread_arrives_there(void)
{
    struct sleeper sleepers[THREADS];
    pthread_t threads[THREADS];

    handle_signal(SIGUSR1);
    for (int n = 0; n < THREADS; n++) {
        CHECK_EQ(sem_init(&sleepers[n].ready, 0, 0), 0);
        CHECK_EQ(sem_init(&sleepers[n].done, 0, 0), 0);
        threads[n] = thread_start(sleep_until_done, &sleepers[n]);
        await(&sleepers[n].ready);
    }
    for (int n = THREADS - 1; n >= 0; n--) {
        CHECK_EQ(pthread_kill(threads[n], SIGUSR1), 0);
        await(&handled);
        CHECK_EQ(handled_by, sleepers[n].tid);
        sem_post(&sleepers[n].done);
        thread_join(threads[n]);
    }
    signal(SIGUSR1, SIG_DFL);
    CHECK_ERR(ESRCH, syscall(SYS_tgkill, getpid(), 1 << 22, SIGUSR1));
    CHECK_ERR(ESRCH, syscall(SYS_tgkill, 1, getpid(), SIGUSR1));
}

static void *unblock_and_wait(void *arg)
{
    struct sleeper *sleeper = arg;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sleeper->tid = tid_here = my_tid();
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    await(&sleeper->ready);
    return NULL;
}

static void a_signal_to_the_process_goes_to_a_thread_that_wants_it(void)
{
    struct sleeper sleeper;
    sigset_t set;

    handle_signal(SIGUSR2);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    CHECK_OK(kill(getpid(), SIGUSR2)); /* pending: nobody wants it yet */
    CHECK_EQ(handled_by, 0);
    CHECK_EQ(sem_init(&sleeper.ready, 0, 0), 0);
    pthread_t thread = thread_start(unblock_and_wait, &sleeper);
    await(&handled);
    CHECK_EQ(handled_by, sleeper.tid);
    CHECK_OK(kill(getpid(), SIGUSR2));
    await(&handled);
    CHECK_EQ(handled_by, sleeper.tid);
    sem_post(&sleeper.ready);
    thread_join(thread);
    CHECK_EQ(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
    signal(SIGUSR2, SIG_DFL);
}

int main(int argc, char **argv)
{
    if (argc > 2)
        return atoi(argv[2]);
    RUN(a_thread_returns_a_result);
    RUN(threads_share_a_pid_and_have_numbers_of_their_own);
    RUN(a_thousand_threads_succeed_in_sequence);
    RUN(the_last_thread_ends_the_process);
    RUN(a_mutex_excludes);
    RUN(condition_variables_pass_turns);
    RUN(thread_local_data_is_each_threads_own);
    RUN(threads_see_each_others_memory);
    RUN(threads_share_descriptors_and_the_directory);
    RUN(a_thread_forks_a_process_of_one_thread);
    RUN(exec_ends_the_other_threads);
    RUN(a_fatal_signal_ends_all_threads);
    RUN(stop_and_continue_act_on_all_threads);
    RUN(a_signal_to_a_thread_arrives_there);
    RUN(a_signal_to_the_process_goes_to_a_thread_that_wants_it);
    return test_end();
}
