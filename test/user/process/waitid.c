/* waitid, and what parents are told of their children: stops, continuations, ends, and orphaned
   groups. */
#include "test.h"

#include <sys/resource.h>

static siginfo_t news;

static void check_news(int code, pid_t pid, int status)
{
    CHECK_EQ(news.si_signo, SIGCHLD);
    CHECK_EQ(news.si_code, code);
    CHECK_EQ(news.si_pid, pid);
    CHECK_EQ(news.si_uid, getuid());
    CHECK_EQ(news.si_status, status);
    memset(&news, 'x', sizeof(news));
}

static void exit_7(void *unused)
{
    (void)unused;
    _exit(7);
}

static void kill_and_reap(pid_t pid)
{
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
}

static void waitid_tells_all_that_happens_to_a_child(void)
{
    pid_t pid = start_child(wait_for_ever, NULL);

    CHECK_OK(kill(pid, SIGSTOP));
    CHECK_OK(waitid(P_PID, pid, &news, WSTOPPED));
    check_news(CLD_STOPPED, pid, SIGSTOP);
    CHECK_OK(kill(pid, SIGCONT));
    CHECK_OK(waitid(P_ALL, 0, &news, WCONTINUED));
    check_news(CLD_CONTINUED, pid, SIGCONT);
    CHECK_OK(kill(pid, SIGTERM));
    CHECK_OK(waitid(P_ALL, 0, &news, WEXITED));
    check_news(CLD_KILLED, pid, SIGTERM);
    pid = start_child(exit_7, NULL);
    CHECK_OK(waitid(P_PID, pid, &news, WEXITED | WSTOPPED | WCONTINUED));
    check_news(CLD_EXITED, pid, 7);
    CHECK_OK(waitid(P_PID, start_child(exit_7, NULL), NULL, WEXITED)); /* nothing to tell */
}

static void news_can_be_left_for_later(void)
{
    pid_t pid = start_child(wait_for_ever, NULL);

    CHECK_OK(kill(pid, SIGSTOP));
    for (int i = 0; i < 3; i++) {
        CHECK_OK(waitid(P_PID, pid, &news, WSTOPPED | WNOWAIT));
        check_news(CLD_STOPPED, pid, SIGSTOP);
    }
    CHECK_OK(waitid(P_PID, pid, &news, WSTOPPED));
    CHECK_OK(kill(pid, SIGKILL));
    for (int i = 0; i < 3; i++) {
        CHECK_OK(waitid(P_PID, pid, &news, WEXITED | WNOWAIT));
        check_news(CLD_KILLED, pid, SIGKILL);
    }
    CHECK_ERR(ECHILD, waitid(P_PID, pid, &news, WSTOPPED | WCONTINUED)); /* never again */
    CHECK(killed_by(wait_child(pid), SIGKILL));
    CHECK_ERR(ECHILD, waitid(P_PID, pid, &news, WEXITED));
}

static void no_news_is_zeros(void)
{
    pid_t pid = start_child(wait_for_ever, NULL);

    memset(&news, 'x', sizeof(news));
    CHECK_OK(waitid(P_PID, pid, &news, WEXITED | WSTOPPED | WCONTINUED | WNOHANG));
    CHECK_EQ(news.si_signo, 0);
    CHECK_EQ(news.si_pid, 0);
    CHECK_OK(kill(pid, SIGSTOP));
    CHECK_OK(waitid(P_PID, pid, &news, WSTOPPED | WNOWAIT));
    CHECK_OK(waitid(P_PID, pid, &news, WEXITED | WCONTINUED | WNOHANG)); /* not asked for */
    CHECK_EQ(news.si_pid, 0);
    kill_and_reap(pid);
}

static void groups_are_waited_for(void)
{
    pid_t pid = start_child(wait_for_ever, NULL);

    CHECK_OK(setpgid(pid, pid));
    CHECK_ERR(ECHILD, waitid(P_PGID, getpgrp(), &news, WEXITED | WNOHANG));
    CHECK_OK(kill(-pid, SIGKILL));
    CHECK_OK(waitid(P_PGID, pid, &news, WEXITED));
    check_news(CLD_KILLED, pid, SIGKILL);
}

static void waitid_says_what_is_wrong(void)
{
    CHECK_ERR(ECHILD, waitid(P_ALL, 0, &news, WEXITED));
    CHECK_ERR(EINVAL, waitid(P_ALL, 0, &news, 0));
    CHECK_ERR(EINVAL, waitid(P_ALL, 0, &news, WNOHANG));
    CHECK_ERR(EINVAL, waitid(P_ALL, 0, &news, WEXITED | 0x100));
    CHECK_ERR(EINVAL, waitid(P_PID, 0, &news, WEXITED));
    CHECK_ERR(EINVAL, waitid(P_PID, -1, &news, WEXITED));
    CHECK_ERR(EINVAL, waitid(P_PGID, -1, &news, WEXITED));
    CHECK_ERR(EINVAL, waitid(99, 1, &news, WEXITED));
    pid_t pid = start_child(exit_7, NULL);
    CHECK_ERR(EFAULT, waitid(P_PID, pid, (siginfo_t *)8, WEXITED));
    CHECK_ERR(ECHILD, waitid(P_PID, pid, &news, WEXITED)); /* gone all the same */
}

static void check_told_nothing(void)
{
    CHECK_EQ(news.si_signo, 0);
    CHECK_EQ(news.si_errno, 0);
    CHECK_EQ(news.si_code, 0);
    CHECK_EQ(news.si_pid, 0);
    CHECK_EQ(news.si_uid, 0);
    CHECK_EQ(news.si_status, 0);
    memset(&news, 'x', sizeof(news));
}

static void an_error_is_no_news(void)
{
    memset(&news, 'x', sizeof(news));
    CHECK_ERR(ECHILD, waitid(P_ALL, 0, &news, WEXITED));
    check_told_nothing();
    CHECK_ERR(EINVAL, waitid(P_ALL, 0, &news, 0));
    check_told_nothing();
    CHECK_ERR(ECHILD, waitid(P_ALL, 0, NULL, WEXITED));
    CHECK_ERR(EINVAL, waitid(P_ALL, 0, NULL, 0));
    CHECK_ERR(EFAULT, waitid(P_ALL, 0, (siginfo_t *)8, WEXITED));
    CHECK_ERR(EFAULT, waitid(P_ALL, 0, (siginfo_t *)8, 0));
}

static void wait4_tells_of_continuations(void)
{
    pid_t pid = start_child(wait_for_ever, NULL);
    int status;

    CHECK_OK(kill(pid, SIGSTOP));
    CHECK_EQ(CHECK_OK(waitpid(pid, &status, WUNTRACED)), pid);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK_EQ(CHECK_OK(waitpid(pid, &status, WUNTRACED | WNOHANG)), 0);
    CHECK_OK(kill(pid, SIGCONT));
    CHECK_EQ(CHECK_OK(waitpid(pid, &status, WCONTINUED)), pid);
    CHECK(WIFCONTINUED(status));
    CHECK_EQ(CHECK_OK(waitpid(pid, &status, WCONTINUED | WNOHANG)), 0);
    kill_and_reap(pid);
}

/* The child need not have run again. */
static void a_continuation_is_seen_at_once(void)
{
    pid_t pid = start_child(wait_for_ever, NULL);
    int status;

    for (int n = 0; n < 100; n++) {
        CHECK_OK(kill(pid, SIGSTOP));
        CHECK_EQ(CHECK_OK(waitpid(pid, &status, WUNTRACED)), pid);
        CHECK_OK(kill(pid, SIGCONT));
        CHECK_EQ(CHECK_OK(waitpid(pid, &status, WCONTINUED | WNOHANG)), pid);
        CHECK(WIFCONTINUED(status));
    }
    kill_and_reap(pid);
}

/* ---- SIGCHLD ---- */

static volatile sig_atomic_t calls;

static void count(int signal)
{
    (void)signal;
    calls++;
}

static void on_child(void (*handler)(int), int flags)
{
    CHECK_OK(
        sigaction(SIGCHLD, &(struct sigaction){.sa_handler = handler, .sa_flags = flags}, NULL));
    calls = 0;
}

/* On Linux the signal may come later than the result of waitid. */
static void await_calls(int wanted)
{
    sigset_t child, before;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    CHECK_OK(sigprocmask(SIG_BLOCK, &child, &before));
    while (calls < wanted)
        sigsuspend(&before);
    CHECK_OK(sigprocmask(SIG_SETMASK, &before, NULL));
    CHECK_EQ(calls, wanted);
}

static void stops_need_not_be_told(void)
{
    for (int told = 0; told <= 1; told++) {
        on_child(count, SA_RESTART | (told ? 0 : SA_NOCLDSTOP));
        pid_t pid = start_child(wait_for_ever, NULL);
        CHECK_OK(kill(pid, SIGSTOP));
        CHECK_OK(waitid(P_PID, pid, &news, WSTOPPED));
        await_calls(told ? 1 : 0);
        CHECK_OK(kill(pid, SIGCONT));
        CHECK_OK(waitid(P_PID, pid, &news, WCONTINUED));
        await_calls(told ? 2 : 0);
        kill_and_reap(pid);
        await_calls(told ? 3 : 1);
    }
    on_child(SIG_DFL, 0);
}

static void no_core_is_dumped(void)
{
    CHECK_OK(setrlimit(RLIMIT_CORE, &(struct rlimit){0}));
    int status = in_child(read_byte, NULL);
    CHECK(killed_by(status, SIGSEGV));
    CHECK(!WCOREDUMP(status));
}

/* ---- Groups ---- */

static void exec_and_wait(void *unused)
{
    (void)unused;
    execl(self_path(), "waitid", "wait-for-ever", NULL);
    _exit(TEST_FAILED);
}

/* The pipe is closed by exec. */
static pid_t start_program(void)
{
    int fds[2];
    char byte;

    CHECK_OK(pipe2(fds, O_CLOEXEC));
    pid_t pid = start_child(exec_and_wait, NULL);
    CHECK_OK(close(fds[1]));
    CHECK_EQ(CHECK_OK(read(fds[0], &byte, 1)), 0);
    CHECK_OK(close(fds[0]));
    return pid;
}

static void a_child_that_has_execed_is_grown_up(void)
{
    pid_t pid = start_program();

    CHECK_ERR(EACCES, setpgid(pid, pid));
    CHECK_ERR(EACCES, setpgid(pid, getpgrp()));
    kill_and_reap(pid);
}

static void stop_and_hear(void *told)
{
    sigset_t set;
    int signal;

    CHECK_OK(setpgid(0, 0));
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    CHECK_OK(raise(SIGSTOP));
    CHECK_EQ(sigwait(&set, &signal), 0);
    gate_open(told);
}

static void leave_stopped(void *told)
{
    CHECK_OK(setsid());
    pid_t pid = start_child(stop_and_hear, told);
    CHECK_OK(waitid(P_PID, pid, &news, WSTOPPED));
}

/* The process that would have continued the group is gone, so the group gets SIGHUP and goes on. */
static void a_stopped_group_that_is_orphaned_goes_on(void)
{
    struct gate told = gate_make();

    CHECK(exits_with(0, leave_stopped, &told));
    gate_pass(&told);
    gate_destroy(&told);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "wait-for-ever") == 0)
        wait_for_ever(NULL);
    RUN(waitid_tells_all_that_happens_to_a_child);
    RUN(news_can_be_left_for_later);
    RUN(no_news_is_zeros);
    RUN(groups_are_waited_for);
    RUN(waitid_says_what_is_wrong);
    RUN(an_error_is_no_news);
    RUN(wait4_tells_of_continuations);
    RUN(a_continuation_is_seen_at_once);
    RUN(stops_need_not_be_told);
    RUN(no_core_is_dumped);
    RUN(a_child_that_has_execed_is_grown_up);
    RUN(a_stopped_group_that_is_orphaned_goes_on);
    return test_end();
}
