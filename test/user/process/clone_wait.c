/* The children of clone: the signal that tells of their end, which of them a wait is for, and whose
   children they are (CLONE_PARENT, __WCLONE, __WALL, __WNOTHREAD). */
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* As Linux's headers have them; musl lacks some. */
#define W_NOTHREAD 0x20000000
#define W_ALL      0x40000000
#define W_CLONE    ((int)0x80000000)

/* As fork, with these flags and an exit signal in the low byte. */
static pid_t fork_with(unsigned long flags)
{
    return CHECK_OK(syscall(SYS_clone, flags, 0, 0, 0, 0));
}

static pid_t exiting_child(unsigned long flags)
{
    pid_t pid = fork_with(flags);

    if (pid == 0)
        _exit(7);
    return pid;
}

static pid_t wait_with(pid_t pid, int options)
{
    int status = 0;
    pid_t found = waitpid(pid, &status, options);

    if (found > 0)
        CHECK(exited_with(status, 7));
    return found;
}

static volatile sig_atomic_t told;
static siginfo_t told_info;

static void note_signal(int signal, siginfo_t *info, void *context)
{
    (void)context;
    told = signal;
    told_info = *info;
}

static void handle(int signal)
{
    told = 0;
    CHECK_OK(sigaction(
        signal, &(struct sigaction){.sa_sigaction = note_signal, .sa_flags = SA_SIGINFO}, NULL));
}

static void a_child_without_sigchld_is_waited_for_as_a_clone(void)
{
    const int signals[] = {0, SIGUSR2};

    CHECK(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
    for (int n = 0; n < 2; n++) {
        pid_t pid = exiting_child(signals[n]);

        CHECK_ERR(ECHILD, wait_with(pid, 0));
        CHECK_ERR(ECHILD, wait_with(-1, 0));
        CHECK_ERR(ECHILD, waitid(P_ALL, 0, NULL, WEXITED | WNOHANG));
        CHECK_EQ(wait_with(pid, W_CLONE), pid);
        CHECK_ERR(ECHILD, wait_with(pid, W_CLONE));
        pid = exiting_child(signals[n]);
        CHECK_EQ(wait_with(-1, W_ALL), pid);
    }
    CHECK(signal(SIGUSR2, SIG_DFL) == SIG_IGN);
}

static void a_child_of_fork_is_no_clone(void)
{
    pid_t pid = exiting_child(SIGCHLD);

    CHECK_ERR(ECHILD, wait_with(pid, W_CLONE));
    CHECK_EQ(wait_with(pid, W_ALL), pid);
    pid = exiting_child(SIGCHLD);
    CHECK_EQ(wait_with(pid, 0), pid);
}

static void both_kinds_are_told_apart(void)
{
    pid_t clone = exiting_child(0), fork = exiting_child(SIGCHLD);

    CHECK_EQ(wait_with(-1, 0), fork);
    CHECK_ERR(ECHILD, wait_with(-1, 0));
    CHECK_EQ(wait_with(-1, W_CLONE), clone);
    CHECK_ERR(ECHILD, wait_with(-1, W_ALL));
}

static void the_chosen_signal_tells_of_the_end(void)
{
    handle(SIGUSR1);
    pid_t pid = exiting_child(SIGUSR1);
    while (!told)
        sched_yield();
    CHECK_EQ(told_info.si_signo, SIGUSR1);
    CHECK_EQ(told_info.si_code, CLD_EXITED);
    CHECK_EQ(told_info.si_pid, pid);
    CHECK_EQ(told_info.si_status, 7);
    CHECK_EQ(wait_with(pid, W_CLONE), pid);
    CHECK(signal(SIGUSR1, SIG_DFL) != SIG_ERR);
}

static void without_a_signal_nothing_is_told(void)
{
    for (int number = 0; number <= 0xff; number += 0x7f) { /* 127 and 254 are no signals */
        handle(SIGCHLD);
        pid_t pid = exiting_child(number);
        CHECK_EQ(wait_with(pid, W_CLONE), pid);
        CHECK_EQ(told, 0);
    }
    CHECK(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
}

/* A parent that ignores SIGCHLD is spared the zombies of fork, and no others. */
static void only_children_of_sigchld_are_ignored(void)
{
    CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    pid_t clone = exiting_child(0), fork = exiting_child(SIGCHLD);
    CHECK_ERR(ECHILD, wait_with(fork, 0)); /* waits for its end */
    CHECK_EQ(wait_with(clone, W_CLONE), clone);
    CHECK(signal(SIGCHLD, SIG_DFL) == SIG_IGN);
}

static void a_clone_that_execs_becomes_a_child_of_fork(void)
{
    char *argv[] = {(char *)self_path(), "exits", NULL};
    pid_t pid = fork_with(0);

    if (pid == 0) {
        execv(argv[0], argv);
        _exit(1);
    }
    CHECK_EQ(CHECK_OK(waitid(P_PID, pid, NULL, WEXITED | WNOWAIT | W_ALL)), 0);
    CHECK_EQ(wait_with(pid, 0), pid);
}

/* ---- Whose child ---- */

/* The child of a child, as a sibling of that. The pipe tells its pid. */
static void a_sibling_is_made(void)
{
    int fds[2];
    pid_t sibling, pid;

    make_pipe(fds);
    CHECK((pid = fork_with(SIGCHLD)) >= 0);
    if (pid == 0) {
        pid_t parent = getppid();

        sibling = exiting_child(CLONE_PARENT | SIGUSR1); /* its signal is that of its creator */
        CHECK_EQ(getppid(), parent);
        CHECK_ERR(ECHILD, wait_with(sibling, W_ALL));
        CHECK_EQ(CHECK_OK(write(fds[1], &sibling, sizeof(sibling))), sizeof(sibling));
        _exit(7);
    }
    CHECK_EQ(wait_with(pid, 0), pid);
    CHECK_EQ(CHECK_OK(read(fds[0], &sibling, sizeof(sibling))), sizeof(sibling));
    CHECK_EQ(wait_with(sibling, 0), sibling);
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

static struct {
    struct gate made, done;
    pid_t child;
} thread;

static void *have_child(void *waits)
{
    thread.child = exiting_child(SIGCHLD);
    gate_open(&thread.made);
    gate_pass(&thread.done);
    if (waits)
        CHECK_EQ(wait_with(thread.child, W_NOTHREAD), thread.child);
    return NULL;
}

static pthread_t start_thread(void *(*body)(void *), void *arg)
{
    pthread_t started;

    thread.made = gate_make();
    thread.done = gate_make();
    CHECK_EQ(pthread_create(&started, NULL, body, arg), 0);
    gate_pass(&thread.made);
    return started;
}

static void end_thread(pthread_t started)
{
    gate_open(&thread.done);
    CHECK_EQ(pthread_join(started, NULL), 0);
    gate_destroy(&thread.made);
    gate_destroy(&thread.done);
}

static void a_thread_waits_for_its_own_children(void)
{
    pthread_t started = start_thread(have_child, &thread);

    CHECK_ERR(ECHILD, wait_with(-1, W_NOTHREAD));
    CHECK_ERR(ECHILD, wait_with(thread.child, W_NOTHREAD | W_ALL));
    end_thread(started);
    CHECK_ERR(ECHILD, wait_with(-1, 0));

    started = start_thread(have_child, &thread);
    pid_t mine = exiting_child(SIGCHLD);
    CHECK_EQ(wait_with(-1, W_NOTHREAD), mine);
    end_thread(started);
}

static void the_children_of_a_thread_that_ends_go_to_another(void)
{
    pthread_t started = start_thread(have_child, NULL);

    end_thread(started);
    /* The C library may hear of the end before the kernel has come to it. */
    while (wait_with(thread.child, W_NOTHREAD) != thread.child)
        sched_yield();
}

/* The parent that a child survives is the thread that made it. */
static void *have_child_that_waits_for_its_end(void *unused)
{
    sigset_t set;
    int signal;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    thread.child = fork_with(SIGCHLD);
    if (thread.child == 0) {
        CHECK_OK(prctl(PR_SET_PDEATHSIG, SIGUSR1));
        gate_open(&thread.made);
        CHECK_EQ(sigwait(&set, &signal), 0);
        _exit(7);
    }
    gate_pass(&thread.done);
    return unused;
}

static void the_end_of_a_thread_is_told_to_its_children(void)
{
    end_thread(start_thread(have_child_that_waits_for_its_end, NULL));
    CHECK_EQ(wait_with(thread.child, 0), thread.child);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return 7;
    RUN(a_child_without_sigchld_is_waited_for_as_a_clone);
    RUN(a_child_of_fork_is_no_clone);
    RUN(both_kinds_are_told_apart);
    RUN(the_chosen_signal_tells_of_the_end);
    RUN(without_a_signal_nothing_is_told);
    RUN(only_children_of_sigchld_are_ignored);
    RUN(a_clone_that_execs_becomes_a_child_of_fork);
    RUN(a_sibling_is_made);
    RUN(a_thread_waits_for_its_own_children);
    RUN(the_children_of_a_thread_that_ends_go_to_another);
    RUN(the_end_of_a_thread_is_told_to_its_children);
    return test_end();
}
