/* select, pselect and ppoll: which files are ready, how long they wait, and with which signals. */
#include "test.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>

static void close_pipe(const int fds[2])
{
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

static struct timeval no_time;

/* Returns what one select of one file says. Bit 0: readable, 1: writable, 2: exceptional. */
static int ready_now(int fd)
{
    struct timeval timeout = {0};
    fd_set sets[3];

    for (int i = 0; i < 3; i++) {
        FD_ZERO(&sets[i]);
        FD_SET(fd, &sets[i]);
    }
    int count = CHECK_OK(select(fd + 1, &sets[0], &sets[1], &sets[2], &timeout));
    int bits = 0;
    for (int i = 0; i < 3; i++)
        bits |= !!FD_ISSET(fd, &sets[i]) << i;
    CHECK_EQ(count, __builtin_popcount(bits));
    return bits;
}

static void select_tells_what_is_ready(void)
{
    int fds[2];

    make_pipe(fds);
    CHECK_EQ(ready_now(fds[0]), 0);
    CHECK_EQ(ready_now(fds[1]), 2);
    CHECK_OK(write(fds[1], "x", 1));
    CHECK_EQ(ready_now(fds[0]), 1);
    CHECK_OK(close(fds[1]));
    CHECK_EQ(ready_now(fds[0]), 1);
    CHECK_OK(close(fds[0]));
    make_pipe(fds);
    CHECK_OK(close(fds[0]));
    CHECK_EQ(ready_now(fds[1]) & 2, 2); /* a write would fail at once */
    CHECK_OK(close(fds[1]));
    int file = create_file("file", "x", 1);
    CHECK_EQ(ready_now(file), 3);
    CHECK_OK(close(file));
    CHECK_OK(unlink("file"));
}

/* High descriptors lie in other words of the sets than low ones. */
static void sets_may_have_many_files(void)
{
    static const int numbers[] = {63, 64, 65, 128, 500, 1000};
    int fds[2];
    fd_set in;

    make_pipe(fds);
    FD_ZERO(&in);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        CHECK_OK(dup2(fds[0], numbers[i]));
        FD_SET(numbers[i], &in);
    }
    CHECK_EQ(CHECK_OK(select(1001, &in, NULL, NULL, &no_time)), 0);
    for (int fd = 0; fd <= 1000; fd++)
        CHECK(!FD_ISSET(fd, &in));
    CHECK_OK(write(fds[1], "x", 1));
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        FD_SET(numbers[i], &in);
    CHECK_EQ(CHECK_OK(select(501, &in, NULL, NULL, &no_time)), 5);
    CHECK(FD_ISSET(64, &in) && FD_ISSET(500, &in) && !FD_ISSET(499, &in));
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        CHECK_OK(close(numbers[i]));
    close_pipe(fds);
}

static void write_later(void *fds)
{
    CHECK_OK(write(((int *)fds)[1], "x", 1));
}

static void select_waits_for_one_of_two(void)
{
    int first[2], second[2];
    fd_set in;

    make_pipe(first);
    make_pipe(second);
    pid_t writer = start_child(write_later, second);
    FD_ZERO(&in);
    FD_SET(first[0], &in);
    FD_SET(second[0], &in);
    CHECK_EQ(CHECK_OK(select(second[1] + 1, &in, NULL, NULL, NULL)), 1);
    CHECK(!FD_ISSET(first[0], &in) && FD_ISSET(second[0], &in));
    CHECK(exited_with(wait_child(writer), 0));
    close_pipe(first);
    close_pipe(second);
}

/* The hung-up end of a pipe is ready for reading. select waits on, because only writing was asked
   for. */
static void select_waits_for_what_was_asked(void)
{
    struct timeval timeout = {.tv_usec = 2000};
    int fds[2];
    fd_set out;

    make_pipe(fds);
    CHECK_OK(close(fds[1]));
    FD_ZERO(&out);
    FD_SET(fds[0], &out);
    CHECK_EQ(CHECK_OK(syscall(SYS_select, fds[0] + 1, NULL, NULL, &out, &timeout)), 0);
    CHECK_EQ(timeout.tv_sec, 0);
    CHECK_EQ(timeout.tv_usec, 0); /* all of it is over */
    CHECK_OK(close(fds[0]));
}

static void what_is_left_of_the_time_is_told(void)
{
    struct timeval timeout = {.tv_sec = 1000};
    struct timespec left = {.tv_sec = 1000};
    struct pollfd polled;
    int fds[2];
    fd_set in;

    make_pipe(fds);
    CHECK_OK(write(fds[1], "x", 1));
    FD_ZERO(&in);
    FD_SET(fds[0], &in);
    CHECK_EQ(CHECK_OK(syscall(SYS_select, fds[0] + 1, &in, NULL, NULL, &timeout)), 1);
    CHECK(timeout.tv_sec < 1000 && timeout.tv_sec > 0);
    polled = (struct pollfd){.fd = fds[0], .events = POLLIN};
    CHECK_EQ(CHECK_OK(syscall(SYS_ppoll, &polled, 1, &left, NULL, 8)), 1);
    CHECK(left.tv_sec < 1000 && left.tv_sec > 0 && left.tv_nsec < 1000000000);
    close_pipe(fds);
}

static void select_says_what_is_wrong(void)
{
    struct timeval negative = {.tv_sec = -1}, many_us = {.tv_usec = 3000000};
    struct timespec bad = {.tv_nsec = 1000000000};
    sigset_t mask;
    fd_set in;

    FD_ZERO(&in);
    FD_SET(30, &in);
    CHECK_ERR(EBADF, select(31, &in, NULL, NULL, &no_time));
    CHECK_EQ(CHECK_OK(select(30, &in, NULL, NULL, &no_time)), 0); /* below the limit only */
    FD_ZERO(&in);
    FD_SET(STDOUT_FILENO, &in);
    CHECK_ERR(EINVAL, select(-1, &in, NULL, NULL, &no_time));
    CHECK_ERR(EINVAL, syscall(SYS_select, 1, NULL, NULL, NULL, &negative));
    CHECK_EQ(CHECK_OK(syscall(SYS_select, 2, NULL, &in, NULL, &many_us)), 1);
    CHECK_ERR(EINVAL, syscall(SYS_ppoll, NULL, 0, &bad, NULL, 8));
    sigemptyset(&mask);
    CHECK_ERR(EINVAL, syscall(SYS_ppoll, NULL, 0, &(struct timespec){0}, &mask, 7));
    CHECK_ERR(EINVAL, syscall(SYS_ppoll, NULL, -1, &(struct timespec){0}, NULL, 8));
}

static void a_limit_beyond_all_files_is_fine(void)
{
    CHECK_EQ(CHECK_OK(syscall(SYS_select, 0x7fffffff, NULL, NULL, NULL, &no_time)), 0);
}

/* The sets reach beyond the end of the descriptor table. The kernel neither reads nor changes those
   bits. */
static void select_far_above(void *unused)
{
    fd_set in;

    (void)unused;
    FD_ZERO(&in);
    FD_SET(1000, &in);
    CHECK_EQ(CHECK_OK(select(1001, &in, NULL, NULL, &no_time)), 0);
    CHECK(FD_ISSET(1000, &in));
    FD_ZERO(&in);
    FD_SET(63, &in);
    CHECK_ERR(EBADF, select(1001, &in, NULL, NULL, &no_time));
    /* A set need only be as long as the table. */
    char *border = map_pages(2) + PAGE;
    CHECK_OK(mprotect(border, PAGE, PROT_NONE));
    CHECK_EQ(CHECK_OK(syscall(SYS_select, 1001, border - 8, NULL, NULL, &no_time)), 0);
}

/* The descriptor table of a new process is as small as its parent's files allow. */
static void with_few_files(void *body)
{
    CHECK_OK(syscall(SYS_close_range, 3, ~0u, 0)); /* what the test was started with */
    CHECK(exits_with(0, body, NULL));
}

static void files_that_cannot_be_are_not_looked_at(void)
{
    CHECK(exits_with(0, with_few_files, select_far_above));
}

static void a_limit_may_be_any_number_of_files(void)
{
    struct rlimit old, none;

    CHECK_OK(getrlimit(RLIMIT_NOFILE, &old));
    none = (struct rlimit){.rlim_cur = old.rlim_max, .rlim_max = old.rlim_max};
    if (on_pagoda())
        none = (struct rlimit){.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &none));
    CHECK_EQ(CHECK_OK(syscall(SYS_select, 0x7fffffff, NULL, NULL, NULL, &no_time)), 0);
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &old));
}

/* The limit is for new descriptors. */
static void a_file_above_a_lowered_limit_is_seen(void)
{
    struct rlimit old, low;
    fd_set in;
    int fd = CHECK_OK(open("/dev/null", O_RDONLY)), high = CHECK_OK(fcntl(fd, F_DUPFD, 100));

    CHECK_OK(getrlimit(RLIMIT_NOFILE, &old));
    low = (struct rlimit){.rlim_cur = 10, .rlim_max = old.rlim_max};
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &low));
    FD_ZERO(&in);
    FD_SET(high, &in);
    CHECK_EQ(select(high + 1, &in, NULL, NULL, &(struct timeval){0}), 1);
    CHECK(FD_ISSET(high, &in));
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &old));
    CHECK_OK(close(fd));
    CHECK_OK(close(high));
}

/* ---- Signals ---- */

static volatile sig_atomic_t calls;

static void count(int signal)
{
    (void)signal;
    calls++;
}

static sigset_t block_usr1(void)
{
    sigset_t set, empty;

    CHECK_OK(
        sigaction(SIGUSR1, &(struct sigaction){.sa_handler = count, .sa_flags = SA_RESTART}, NULL));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    sigemptyset(&empty);
    calls = 0;
    return empty;
}

static bool usr1_is_blocked(void)
{
    sigset_t now;

    CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &now));
    return sigismember(&now, SIGUSR1);
}

/* The signal is pending when the wait begins. SA_RESTART has no effect here. */
static void a_signal_ends_the_wait_under_another_mask(void)
{
    sigset_t none = block_usr1();

    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(calls, 0);
    CHECK_ERR(EINTR, ppoll(NULL, 0, NULL, &none));
    CHECK_EQ(calls, 1);
    CHECK(usr1_is_blocked());
    CHECK_OK(raise(SIGUSR1));
    CHECK_ERR(EINTR, pselect(0, NULL, NULL, NULL, NULL, &none));
    CHECK_EQ(calls, 2);
    CHECK(usr1_is_blocked());
}

static void a_call_that_is_ready_takes_no_signal(void)
{
    sigset_t none = block_usr1();
    struct pollfd polled;
    int fds[2];

    make_pipe(fds);
    polled = (struct pollfd){.fd = fds[1], .events = POLLOUT};
    CHECK_EQ(CHECK_OK(ppoll(&polled, 1, NULL, &none)), 1);
    CHECK_EQ(CHECK_OK(ppoll(NULL, 0, &(struct timespec){0}, &none)), 0);
    CHECK_EQ(calls, 0);
    CHECK(usr1_is_blocked());
    close_pipe(fds);
}

static void signal_parent(void *unused)
{
    (void)unused;
    CHECK_OK(kill(getppid(), SIGUSR1));
}

static void a_signal_from_elsewhere_ends_the_wait(void)
{
    sigset_t none = block_usr1();
    pid_t pid = start_child(signal_parent, NULL);
    fd_set in;

    FD_ZERO(&in);
    CHECK_ERR(EINTR, pselect(0, &in, NULL, NULL, NULL, &none));
    CHECK_EQ(calls, 1);
    CHECK(usr1_is_blocked());
    CHECK(exited_with(wait_child(pid), 0));
}

/* A child stops and continues in the middle of its wait, and the wait goes on. */
static void wait_and_read(void *arg)
{
    const struct gate *gates = arg;
    fd_set in;
    sigset_t none;

    sigemptyset(&none);
    FD_ZERO(&in);
    FD_SET(gates[1].fds[0], &in);
    gate_open(&gates[0]);
    CHECK_EQ(
        pselect(gates[1].fds[0] + 1, &in, NULL, NULL, &(struct timespec){.tv_sec = 1000}, &none),
        1);
    CHECK(FD_ISSET(gates[1].fds[0], &in));
}

static void a_stop_does_not_end_the_wait(void)
{
    struct gate gates[2] = {gate_make(), gate_make()};
    pid_t pid = start_child(wait_and_read, gates);
    int status;

    gate_pass(&gates[0]);
    for (int i = 0; i < 10; i++) {
        CHECK_OK(kill(pid, SIGSTOP));
        CHECK_EQ(CHECK_OK(waitpid(pid, &status, WUNTRACED)), pid);
        CHECK(WIFSTOPPED(status));
        CHECK_OK(kill(pid, SIGCONT));
        CHECK_EQ(CHECK_OK(waitpid(pid, &status, WCONTINUED)), pid);
        CHECK(WIFCONTINUED(status));
    }
    gate_open(&gates[1]);
    CHECK(exited_with(wait_child(pid), 0));
    gate_destroy(&gates[0]);
    gate_destroy(&gates[1]);
}

int main(void)
{
    temp_dir_enter();
    RUN(files_that_cannot_be_are_not_looked_at);
    RUN(select_tells_what_is_ready);
    RUN(sets_may_have_many_files);
    RUN(select_waits_for_one_of_two);
    RUN(select_waits_for_what_was_asked);
    RUN(what_is_left_of_the_time_is_told);
    RUN(select_says_what_is_wrong);
    RUN(a_limit_beyond_all_files_is_fine);
    RUN(a_limit_may_be_any_number_of_files);
    RUN(a_file_above_a_lowered_limit_is_seen);
    RUN(a_signal_ends_the_wait_under_another_mask);
    RUN(a_call_that_is_ready_takes_no_signal);
    RUN(a_signal_from_elsewhere_ends_the_wait);
    RUN(a_stop_does_not_end_the_wait);
    temp_dir_leave();
    return test_end();
}
