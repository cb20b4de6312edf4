/* Signals without handlers: those that kill, are ignored, or stay pending, and the targets of kill.

   The wait status shows the outcome. A process that survived a signal proves it by its exit
   status. */
#include "test.h"

#include <sys/syscall.h>

#define ALIVE 33 /* the exit status of those who lived through it */

static void raise_and_exit(void *signal)
{
    CHECK_OK(kill(getpid(), *(int *)signal));
    _exit(ALIVE);
}

static void check_set(int signal, void (*disposition)(int))
{
    CHECK_OK(sigaction(signal, &(struct sigaction){.sa_handler = disposition}, NULL));
}

static void block(int how, int signal)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, signal);
    CHECK_OK(sigprocmask(how, &set, NULL));
}

/* One process. */

static void most_signals_kill(void)
{
    const int deadly[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGILL,   SIGTRAP, SIGABRT, SIGBUS,
                          SIGFPE,  SIGKILL, SIGUSR1, SIGSEGV,  SIGUSR2, SIGPIPE, SIGALRM,
                          SIGTERM, SIGXCPU, SIGSYS,  SIGRTMIN, SIGRTMAX};

    for (size_t i = 0; i < ARRAY_SIZE(deadly); i++) {
        int signal = deadly[i];
        CHECK(dies_by(signal, raise_and_exit, &signal));
    }
}

static void some_signals_do_nothing(void)
{
    CHECK(exits_with(ALIVE, raise_and_exit, &(int){0}));
    CHECK(exits_with(ALIVE, raise_and_exit, &(int){SIGCHLD}));
    CHECK(exits_with(ALIVE, raise_and_exit, &(int){SIGCONT}));
    CHECK(exits_with(ALIVE, raise_and_exit, &(int){SIGURG}));
    CHECK(exits_with(ALIVE, raise_and_exit, &(int){SIGWINCH}));
}

static void ignore_and_raise(void *signal)
{
    check_set(*(int *)signal, SIG_IGN);
    raise_and_exit(signal);
}

static void ignore_and_raise_in_child(void *signal)
{
    check_set(*(int *)signal, SIG_IGN);
    CHECK(exits_with(ALIVE, raise_and_exit, signal));
    check_set(*(int *)signal, SIG_DFL);
    raise_and_exit(signal);
}

static void an_ignored_signal_does_nothing(void)
{
    CHECK(exits_with(ALIVE, ignore_and_raise, &(int){SIGTERM}));
    CHECK(exits_with(ALIVE, ignore_and_raise, &(int){SIGSEGV}));
    CHECK(dies_by(SIGTERM, ignore_and_raise_in_child, &(int){SIGTERM}));
}

static void ignore_and_fault(void *unused)
{
    (void)unused;
    check_set(SIGSEGV, SIG_IGN);
    read_byte(NULL);
}

static void block_and_fault(void *unused)
{
    (void)unused;
    block(SIG_BLOCK, SIGSEGV);
    read_byte(NULL);
}

static void a_fault_cannot_be_ignored(void)
{
    CHECK(dies_by(SIGSEGV, ignore_and_fault, NULL));
    CHECK(dies_by(SIGSEGV, block_and_fault, NULL));
}

static void kill_and_stop_cannot_be_ignored(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old;

    CHECK_ERR(EINVAL, sigaction(SIGKILL, &ignore, NULL));
    CHECK_ERR(EINVAL, sigaction(SIGSTOP, &ignore, NULL));
    CHECK_OK(sigaction(SIGKILL, NULL, &old));
    CHECK_EQ(old.sa_handler, SIG_DFL);
    block(SIG_BLOCK, SIGKILL); /* without effect */
    CHECK(dies_by(SIGKILL, raise_and_exit, &(int){SIGKILL}));
}

static void dispositions_are_told(void)
{
    struct sigaction action;

    check_set(SIGUSR1, SIG_IGN);
    CHECK_OK(sigaction(SIGUSR1, NULL, &action));
    CHECK_EQ(action.sa_handler, SIG_IGN);
    check_set(SIGUSR1, SIG_DFL);
    CHECK_OK(sigaction(SIGUSR1, NULL, &action));
    CHECK_EQ(action.sa_handler, SIG_DFL);
    CHECK_ERR(EINVAL, syscall(SYS_rt_sigaction, 65, NULL, NULL, 8));
    CHECK_ERR(EINVAL, syscall(SYS_rt_sigaction, 0, NULL, NULL, 8));
    CHECK_ERR(EINVAL, syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
}

/* Exits with ALIVE while the signal is pending; is killed by it once it is unblocked. */
static void raise_blocked(void *unblock)
{
    block(SIG_BLOCK, SIGTERM);
    CHECK_OK(kill(getpid(), SIGTERM));
    if (*(bool *)unblock)
        block(SIG_UNBLOCK, SIGTERM);
    _exit(ALIVE);
}

static void a_blocked_signal_waits(void)
{
    CHECK(exits_with(ALIVE, raise_blocked, &(bool){false}));
    CHECK(dies_by(SIGTERM, raise_blocked, &(bool){true}));
}

static void unblock_and_exit(void *unused)
{
    (void)unused;
    block(SIG_UNBLOCK, SIGTERM);
    _exit(ALIVE);
}

static void fork_with_signal_waiting(void *unused)
{
    (void)unused;
    block(SIG_BLOCK, SIGTERM);
    CHECK_OK(kill(getpid(), SIGTERM));
    CHECK(exits_with(ALIVE, unblock_and_exit, NULL));
    unblock_and_exit(NULL);
}

static void what_waits_is_not_inherited(void)
{
    CHECK(dies_by(SIGTERM, fork_with_signal_waiting, NULL));
}

/* A pending signal is dropped when it becomes ignored. */
static void raise_blocked_then_ignore(void *unused)
{
    (void)unused;
    block(SIG_BLOCK, SIGTERM);
    CHECK_OK(kill(getpid(), SIGTERM));
    check_set(SIGTERM, SIG_IGN);
    check_set(SIGTERM, SIG_DFL);
    block(SIG_UNBLOCK, SIGTERM);
    _exit(ALIVE);
}

static void ignoring_forgets_what_waits(void)
{
    CHECK(exits_with(ALIVE, raise_blocked_then_ignore, NULL));
}

static void ignore_children(void *unused)
{
    (void)unused;
    check_set(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 3; i++)
        start_child(raise_and_exit, &(int){SIGCHLD});
    CHECK_ERR(ECHILD, wait(NULL)); /* after the last of them has ended */
}

static void ignored_children_need_no_wait(void)
{
    CHECK(exits_with(0, ignore_children, NULL));
}

/* Other processes. */

static void a_waiting_child_is_killed(void)
{
    pid_t pid = start_child(wait_for_ever, NULL);

    CHECK_OK(kill(pid, 0));
    CHECK_OK(kill(pid, SIGTERM));
    CHECK(killed_by(wait_child(pid), SIGTERM));
}

static void loop_for_ever(void *gate)
{
    gate_open(gate);
    for (;;)
        __asm__ volatile("");
}

static void a_running_child_is_killed(void)
{
    struct gate running = gate_make();
    pid_t pid = start_child(loop_for_ever, &running);

    gate_pass(&running);
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
    gate_destroy(&running);
}

static void kill_says_what_is_wrong(void)
{
    pid_t pid = start_child(raise_and_exit, &(int){0});

    CHECK(exited_with(wait_child(pid), ALIVE));
    CHECK_ERR(ESRCH, kill(pid, SIGTERM));
    CHECK_ERR(ESRCH, kill(1 << 22, 0));
    CHECK_ERR(ESRCH, kill(-(1 << 22), 0)); /* no such group */
    CHECK_ERR(EINVAL, kill(getpid(), 65));
    CHECK_ERR(EINVAL, kill(getpid(), -1));
}

/* Process groups and sessions. */

/* Starts a child in the given group, or in a new group if that is 0. */
static pid_t start_in_group(pid_t group)
{
    pid_t pid = start_child(wait_for_ever, NULL);

    CHECK_OK(setpgid(pid, group));
    return pid;
}

static void a_group_is_killed_together(void)
{
    pid_t bystander = start_child(wait_for_ever, NULL);
    pid_t leader = start_in_group(0);
    pid_t member = start_in_group(leader);

    CHECK_EQ(getpgid(leader), leader);
    CHECK_EQ(getpgid(member), leader);
    CHECK_EQ(getpgid(bystander), getpgrp());
    CHECK_EQ(getpgid(0), getpgrp());
    CHECK_OK(kill(-leader, SIGTERM));
    CHECK(killed_by(wait_child(leader), SIGTERM));
    CHECK(killed_by(wait_child(member), SIGTERM));
    CHECK_ERR(ESRCH, kill(-leader, 0));
    CHECK_OK(kill(bystander, SIGKILL));
    CHECK(killed_by(wait_child(bystander), SIGKILL));
}

static void a_group_is_waited_for(void)
{
    pid_t same_group = start_child(wait_for_ever, NULL);
    pid_t leader = start_in_group(0);

    CHECK_EQ(CHECK_OK(waitpid(-leader, NULL, WNOHANG)), 0);
    CHECK_OK(kill(leader, SIGKILL));
    CHECK_EQ(CHECK_OK(waitpid(-leader, NULL, 0)), leader);
    CHECK_ERR(ECHILD, waitpid(-leader, NULL, 0));
    CHECK_EQ(CHECK_OK(waitpid(0, NULL, WNOHANG)), 0); /* any of our own group */
    CHECK_OK(kill(same_group, SIGKILL));
    CHECK_EQ(CHECK_OK(waitpid(0, NULL, 0)), same_group);
}

static void lead_group_and_raise(void *unused)
{
    (void)unused;
    CHECK_OK(setpgid(0, 0));
    CHECK_EQ(getpgrp(), getpid());
    pid_t pid = start_child(wait_for_ever, NULL);
    CHECK_EQ(getpgid(pid), getpid()); /* born into the group */
    CHECK_OK(kill(0, SIGTERM));
    _exit(ALIVE);
}

static void kill_0_is_for_the_own_group(void)
{
    CHECK(dies_by(SIGTERM, lead_group_and_raise, NULL));
}

static void lead_session(void *old_session)
{
    CHECK_EQ(getsid(0), *(pid_t *)old_session);
    CHECK_EQ(CHECK_OK(setsid()), getpid());
    CHECK_EQ(getsid(0), getpid());
    CHECK_EQ(getpgrp(), getpid());
    CHECK_ERR(EPERM, setsid());      /* leads a group already */
    CHECK_ERR(EPERM, setpgid(0, 0)); /* leads a session */
}

static void setsid_starts_a_session(void)
{
    pid_t session = getsid(0);

    CHECK(exits_with(0, lead_session, &session));
}

static void setpgid_says_what_is_wrong(void)
{
    pid_t pid = start_child(wait_for_ever, NULL);

    CHECK_ERR(EINVAL, setpgid(pid, -1));
    CHECK_ERR(ESRCH, setpgid(getppid(), 0)); /* not a child */
    CHECK_ERR(ESRCH, setpgid(1 << 22, 0));
    CHECK_ERR(EINVAL, setpgid(-1, 0)); /* the group would have the number -1 */
    CHECK_ERR(EINVAL, setpgid(-1, -5));
    CHECK_ERR(ESRCH, setpgid(-1, 5));
    CHECK_ERR(ESRCH, getpgid(-1));
    CHECK_ERR(ESRCH,
              getpgid(INT32_MIN)); /* less than any pid, and that by more than an int can tell */
    CHECK_ERR(ESRCH, getsid(INT32_MIN));
    CHECK_ERR(EPERM, setpgid(pid, 1 << 22)); /* no such group */
    CHECK_ERR(ESRCH, getpgid(1 << 22));
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
}

int main(void)
{
    RUN(most_signals_kill);
    RUN(some_signals_do_nothing);
    RUN(an_ignored_signal_does_nothing);
    RUN(a_fault_cannot_be_ignored);
    RUN(kill_and_stop_cannot_be_ignored);
    RUN(dispositions_are_told);
    RUN(a_blocked_signal_waits);
    RUN(what_waits_is_not_inherited);
    RUN(ignoring_forgets_what_waits);
    RUN(ignored_children_need_no_wait);
    RUN(a_waiting_child_is_killed);
    RUN(a_running_child_is_killed);
    RUN(kill_says_what_is_wrong);
    RUN(a_group_is_killed_together);
    RUN(a_group_is_waited_for);
    RUN(kill_0_is_for_the_own_group);
    RUN(setsid_starts_a_session);
    RUN(setpgid_says_what_is_wrong);
    return test_end();
}
