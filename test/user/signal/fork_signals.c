/* A signal to a group reaches every member, also a child that is being forked: it is in no group
   yet when the signal comes, and musl's fork blocks all signals.

   The group is a chain of processes: each forks the next and exits. One signal must end it. */
#include "test.h"

#include <poll.h>

#define ROUNDS      30
#define GENERATIONS 3      /* before the signal is sent */
#define PATIENCE_MS 250000 /* a hang is longer */

/* Goes on for ever, in a new process each time. Each writes a byte when it starts, if the pipe has
   room. `pipe_end` stays open in the youngest. */
static void run_chain(int pipe_end)
{
    CHECK_OK(fcntl(pipe_end, F_SETFL, O_NONBLOCK));
    for (;;) {
        (void)!write(pipe_end, "g", 1);
        if (fork() > 0)
            _exit(0);
    }
}

/* Starts a chain in a group of its own. Returns the group; *progress is the end to read from. */
static pid_t start_chain(int *progress)
{
    int ends[2];

    make_pipe(ends);
    pid_t pid = CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(setpgid(0, 0));
        close(ends[0]);
        run_chain(ends[1]);
    }
    CHECK_OK(close(ends[1]));
    *progress = ends[0];
    return pid;
}

/* Waits for the end of the pipe, when no process of the chain is left. Returns false if the chain
   goes on. */
static bool chain_ends(int progress)
{
    struct pollfd polled = {.fd = progress, .events = POLLIN};
    char bytes[4096];
    ssize_t got = 1;
    size_t generations = 0;

    while (got > 0 && generations < 20000 && poll(&polled, 1, PATIENCE_MS) > 0) {
        got = read(progress, bytes, sizeof(bytes));
        generations += got;
    }
    return got == 0;
}

static void check_chain_ends_by(int signal)
{
    char byte;
    int progress;

    for (int round = 0; round < ROUNDS; round++) {
        pid_t group = start_chain(&progress);

        for (int i = 0; i < GENERATIONS + round % 7; i++)
            CHECK_EQ(CHECK_OK(read(progress, &byte, 1)), 1);
        CHECK_OK(kill(-group, signal));
        bool ends = chain_ends(progress);
        CHECK_OK(close(progress));
        CHECK_OK(waitpid(group, NULL, 0));
        if (!ends)
            kill(-group, SIGKILL);
        CHECK(ends);
    }
}

static void a_signal_to_a_group_ends_a_chain_of_forks(void)
{
    check_chain_ends_by(SIGTERM);
}

static void a_signal_that_nobody_blocks_ends_a_chain_of_forks(void)
{
    check_chain_ends_by(SIGKILL);
}

/* A signal that was blocked and pending before the fork stays with the parent. */
static void an_old_pending_signal_is_not_inherited(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    CHECK_OK(raise(SIGUSR1));
    pid_t pid = CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(sigpending(&set));
        _exit(sigismember(&set, SIGUSR1) ? 1 : 0);
    }
    CHECK(exited_with(wait_child(pid), 0));
    CHECK_OK(sigpending(&set));
    CHECK(sigismember(&set, SIGUSR1));
    signal(SIGUSR1, SIG_IGN);
    CHECK_OK(sigprocmask(SIG_UNBLOCK, &set, NULL));
    signal(SIGUSR1, SIG_DFL);
}

/* A signal to the group that was taken is not inherited, also by a program that blocks all. */
static void a_signal_that_was_awaited_is_not_inherited(void)
{
    sigset_t all, old, set;

    sigfillset(&all);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_OK(setpgid(0, 0));
    CHECK_OK(sigprocmask(SIG_BLOCK, &all, &old));
    CHECK_OK(kill(0, SIGUSR1));
    CHECK_EQ(CHECK_OK(sigwaitinfo(&set, NULL)), SIGUSR1);
    pid_t pid = CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(sigpending(&set));
        _exit(sigismember(&set, SIGUSR1) ? 1 : 0);
    }
    CHECK(exited_with(wait_child(pid), 0));
    CHECK_OK(sigprocmask(SIG_SETMASK, &old, NULL));
}

int main(void)
{
    RUN(an_old_pending_signal_is_not_inherited);
    RUN(a_signal_that_was_awaited_is_not_inherited);
    RUN(a_signal_to_a_group_ends_a_chain_of_forks);
    RUN(a_signal_that_nobody_blocks_ends_a_chain_of_forks);
    return test_end();
}
