/* System calls that a signal interrupts: some are restarted, some return EINTR, and some only wait
   for signals. And alarms.

   The cases depend on order, and never on time: a child sends its signal when its parent sleeps, as
   /proc says. */
#include "test.h"

#include <poll.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

static volatile sig_atomic_t calls;

static void count(int signal)
{
    (void)signal;
    calls++;
}

static void handle(int signal, int flags)
{
    CHECK_OK(sigaction(signal, &(struct sigaction){.sa_handler = count, .sa_flags = flags}, NULL));
    calls = 0;
}

static sigset_t set_of(int signal)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, signal);
    return set;
}

/* Helps a call that sleeps in the parent: it sends `signal`, and then lets the call end. */
struct helper {
    int signal;
    struct gate gate; /* opened at last */
};

static void send_to_sleeper(void *arg)
{
    const struct helper *helper = arg;

    await_state(getppid(), 'S');
    CHECK_OK(kill(getppid(), helper->signal));
    await_state(getppid(), 'S');
    gate_open(&helper->gate);
}

static struct helper helper;

static pid_t helper_start(int signal)
{
    helper = (struct helper){signal, gate_make()};
    return start_child(send_to_sleeper, &helper);
}

static void helper_end(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        CHECK_EQ(errno, EINTR);
    CHECK(exited_with(status, 0));
    gate_destroy(&helper.gate);
}

/* Reading. */

static void a_read_is_started_again(void)
{
    char byte;

    handle(SIGUSR1, SA_RESTART);
    pid_t pid = helper_start(SIGUSR1);
    CHECK_EQ(CHECK_OK(read(helper.gate.fds[0], &byte, 1)), 1);
    CHECK_EQ(calls, 1);
    helper_end(pid);
}

static void a_read_is_interrupted(void)
{
    char byte;

    handle(SIGUSR1, 0);
    pid_t pid = helper_start(SIGUSR1);
    CHECK_ERR(EINTR, read(helper.gate.fds[0], &byte, 1));
    CHECK_EQ(calls, 1);
    gate_pass(&helper.gate);
    helper_end(pid);
}

/* An ignored signal and a stop leave no trace in a call. */
static void ignored_signals_do_not_interrupt(void)
{
    char byte;

    pid_t pid = helper_start(SIGWINCH);
    CHECK_EQ(CHECK_OK(read(helper.gate.fds[0], &byte, 1)), 1);
    helper_end(pid);
}

static void poll_is_never_started_again(void)
{
    handle(SIGUSR1, SA_RESTART);
    pid_t pid = helper_start(SIGUSR1);
    struct pollfd pollfd = {.fd = helper.gate.fds[0], .events = POLLIN, .revents = POLLPRI};
    CHECK_ERR(EINTR, poll(&pollfd, 1, -1));
    CHECK_EQ(calls, 1);
    CHECK_EQ(pollfd.revents, 0); /* stored all the same */
    gate_pass(&helper.gate);
    helper_end(pid);
}

static void a_wait_is_interrupted(void)
{
    handle(SIGUSR1, 0);
    pid_t sleeper = start_child(wait_for_ever, NULL);
    pid_t pid = helper_start(SIGUSR1);
    CHECK_ERR(EINTR, waitpid(sleeper, NULL, 0));
    gate_pass(&helper.gate);
    helper_end(pid);
    CHECK_OK(kill(sleeper, SIGKILL));
    CHECK(killed_by(wait_child(sleeper), SIGKILL));
}

static void a_sleep_tells_what_is_left(void)
{
    struct timespec hour = {.tv_sec = 3600}, left = {0};

    handle(SIGUSR1, SA_RESTART);
    pid_t pid = helper_start(SIGUSR1);
    CHECK_ERR(EINTR, nanosleep(&hour, &left));
    CHECK(left.tv_sec > 3000 && left.tv_sec <= 3600); /* Linux may add its slack */
    gate_pass(&helper.gate);
    helper_end(pid);
}

/* A signal comes during a fork. The fork succeeds, and the handler runs once. */
static void signals_do_not_disturb_fork(void)
{
    handle(SIGALRM, 0);
    const struct itimerval often = {{0, 10000}, {0, 10000}};
    CHECK_OK(setitimer(ITIMER_REAL, &often, NULL));
    while (calls < 10) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        CHECK(pid > 0);
        while (waitpid(pid, NULL, 0) < 0)
            CHECK_EQ(errno, EINTR);
    }
    CHECK_OK(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL));
}

/* Waiting for signals. */

static void sigsuspend_waits_with_another_mask(void)
{
    sigset_t blocked = set_of(SIGUSR1), none, now;

    sigemptyset(&none);
    handle(SIGUSR1, SA_RESTART);
    CHECK_OK(sigprocmask(SIG_BLOCK, &blocked, NULL));
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(calls, 0);
    CHECK_ERR(EINTR, sigsuspend(&none));
    CHECK_EQ(calls, 1);
    CHECK_OK(sigprocmask(SIG_UNBLOCK, &blocked, &now));
    CHECK(sigismember(&now, SIGUSR1)); /* the mask from before is back */
}

static void pause_waits_for_a_handler(void)
{
    handle(SIGUSR1, SA_RESTART);
    pid_t pid = helper_start(SIGUSR1);
    CHECK_ERR(EINTR, pause());
    CHECK_EQ(calls, 1);
    gate_pass(&helper.gate);
    helper_end(pid);
}

static void sigtimedwait_takes_a_signal(void)
{
    sigset_t set = set_of(SIGUSR1);
    siginfo_t info;

    handle(SIGUSR1, 0);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    CHECK_ERR(EAGAIN, sigtimedwait(&set, &info, &(struct timespec){0}));
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(CHECK_OK(sigtimedwait(&set, &info, &(struct timespec){0})), SIGUSR1);
    CHECK_EQ(info.si_signo, SIGUSR1);
    CHECK_EQ(info.si_pid, getpid());
    CHECK_ERR(EAGAIN, sigtimedwait(&set, NULL, &(struct timespec){.tv_nsec = 1000000}));
    pid_t pid = helper_start(SIGUSR1);
    CHECK_EQ(CHECK_OK(sigwaitinfo(&set, &info)), SIGUSR1);
    CHECK_EQ(info.si_pid, pid);
    gate_pass(&helper.gate);
    helper_end(pid);
    CHECK_EQ(calls, 0);
    CHECK_OK(sigprocmask(SIG_UNBLOCK, &set, NULL));
}

/* Alarms. */

static void an_alarm_comes_once(void)
{
    sigset_t alarm_set = set_of(SIGALRM), before;
    struct itimerval now;

    handle(SIGALRM, 0);
    CHECK_EQ(alarm(1000), 0);
    CHECK_OK(getitimer(ITIMER_REAL, &now));
    CHECK(now.it_value.tv_sec > 900 && now.it_value.tv_sec <= 1000);
    CHECK(alarm(0) > 900);
    CHECK_EQ(alarm(0), 0);
    CHECK_OK(sigprocmask(SIG_BLOCK, &alarm_set, &before)); /* it must not come before the wait */
    CHECK_OK(setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0, 20000}}, NULL));
    CHECK_ERR(EINTR, sigsuspend(&before));
    CHECK_OK(sigprocmask(SIG_SETMASK, &before, NULL));
    CHECK_EQ(calls, 1);
    CHECK_OK(getitimer(ITIMER_REAL, &now));
    CHECK_EQ(now.it_value.tv_sec + now.it_value.tv_usec, 0);
}

static void a_timer_comes_again(void)
{
    const struct itimerval again = {{0, 10000}, {0, 10000}};
    struct itimerval old;

    handle(SIGALRM, 0);
    CHECK_OK(setitimer(ITIMER_REAL, &again, NULL));
    while (calls < 3)
        pause();
    CHECK_OK(setitimer(ITIMER_REAL, &(struct itimerval){0}, &old));
    CHECK_EQ(old.it_interval.tv_usec, 10000);
    CHECK_ERR(EINVAL, setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 1000000}}, NULL));
    CHECK_ERR(EINVAL, setitimer(77, &again, NULL));
    CHECK_ERR(EINVAL, setitimer(77, NULL, NULL));
    CHECK_ERR(EFAULT, setitimer(77, (void *)8, NULL));
}

static void check_no_alarm(void *unused)
{
    (void)unused;
    CHECK_EQ(alarm(0), 0);
}

static void loop(void *unused)
{
    (void)unused;
    CHECK_OK(setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0, 10000}}, NULL));
    for (;;)
        __asm__ volatile("");
}

static void an_alarm_is_for_its_process(void)
{
    alarm(1000);
    CHECK(exits_with(0, check_no_alarm, NULL));
    CHECK(alarm(0) > 0);
    signal(SIGALRM, SIG_DFL);
    CHECK(dies_by(SIGALRM, loop, NULL));
}

/* Stopping. */

static void count_in_memory(void *counter)
{
    for (;;)
        ++*(volatile long *)counter;
}

static int wait_for_change(pid_t pid)
{
    int status;

    CHECK_EQ(CHECK_OK(waitpid(pid, &status, WUNTRACED | WCONTINUED)), pid);
    return status;
}

static void check_stops_and_goes_on(pid_t pid, int signal)
{
    CHECK_OK(kill(pid, signal));
    int status = wait_for_change(pid);
    CHECK(WIFSTOPPED(status));
    CHECK_EQ(WSTOPSIG(status), signal);
    CHECK_EQ(process_state(pid), 'T');
    CHECK_EQ(waitpid(pid, NULL, WUNTRACED | WCONTINUED | WNOHANG), 0); /* told once */
    CHECK_OK(kill(pid, SIGCONT));
    CHECK(WIFCONTINUED(wait_for_change(pid)));
}

static void a_process_stops_and_goes_on(void)
{
    pid_t running = start_child(count_in_memory, &(long){0});
    pid_t sleeping = start_child(wait_for_ever, NULL);

    check_stops_and_goes_on(running, SIGSTOP);
    check_stops_and_goes_on(sleeping, SIGSTOP);
    CHECK_OK(setpgid(running, running)); /* a group of this session, whose parent is in another */
    check_stops_and_goes_on(running, SIGTSTP);
    check_stops_and_goes_on(running, SIGTTIN);
    check_stops_and_goes_on(running, SIGTTOU);
    CHECK_OK(kill(running, SIGKILL));
    CHECK(killed_by(wait_child(running), SIGKILL));
    CHECK_OK(kill(sleeping, SIGKILL));
    CHECK(killed_by(wait_child(sleeping), SIGKILL));
}

static pid_t stopped_child(void)
{
    pid_t pid = start_child(wait_for_ever, NULL);

    CHECK_OK(kill(pid, SIGSTOP));
    CHECK(WIFSTOPPED(wait_for_change(pid)));
    return pid;
}

static void a_stopped_process_can_be_killed(void)
{
    pid_t pid = stopped_child();

    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
}

static void a_stopped_process_dies_later_of_others(void)
{
    pid_t pid = stopped_child();

    CHECK_OK(kill(pid, SIGTERM));
    CHECK_EQ(process_state(pid), 'T');
    CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
    CHECK_OK(kill(pid, SIGCONT));
    CHECK(killed_by(wait_child(pid), SIGTERM));
}

static void pass_gate(void *gate)
{
    gate_pass(gate); /* its read must not see the stop */
}

static void sleep_on(void *unused)
{
    (void)unused;
    CHECK_OK(nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL));
}

static void a_stop_is_not_seen_by_system_calls(void)
{
    struct gate gate = gate_make();
    pid_t reading = start_child(pass_gate, &gate), sleeping = start_child(sleep_on, NULL);

    await_state(reading, 'S');
    check_stops_and_goes_on(reading, SIGSTOP);
    check_stops_and_goes_on(reading, SIGSTOP);
    gate_open(&gate);
    CHECK(exited_with(wait_child(reading), 0));
    CHECK_OK(kill(sleeping, SIGSTOP));
    CHECK_OK(kill(sleeping, SIGCONT));
    CHECK(exited_with(wait_child(sleeping), 0));
    gate_destroy(&gate);
}

static siginfo_t child_info;

static void keep_info(int signal, siginfo_t *info, void *context)
{
    (void)context;
    count(signal);
    child_info = *info;
}

static void handle_children(int flags)
{
    struct sigaction action = {.sa_sigaction = keep_info,
                               .sa_flags = flags | SA_SIGINFO | SA_RESTART};

    CHECK_OK(sigaction(SIGCHLD, &action, NULL));
    calls = 0;
}

/* Linux notifies a waiting parent first, and then sends the signal. */
static void await_told(int code, int status, pid_t pid)
{
    sigset_t none;

    sigemptyset(&none);
    while (calls == 0)
        CHECK_ERR(EINTR, sigsuspend(&none));
    CHECK_EQ(calls, 1);
    CHECK_EQ(child_info.si_code, code);
    CHECK_EQ(child_info.si_status, status);
    CHECK_EQ(child_info.si_pid, pid);
    calls = 0;
}

static void the_parent_is_told_of_stops(void)
{
    sigset_t child = set_of(SIGCHLD), pending;

    handle_children(0);
    CHECK_OK(sigprocmask(SIG_BLOCK, &child, NULL));
    pid_t pid = stopped_child();
    await_told(CLD_STOPPED, SIGSTOP, pid);
    CHECK_OK(kill(pid, SIGCONT));
    CHECK(WIFCONTINUED(wait_for_change(pid)));
    await_told(CLD_CONTINUED, SIGCONT, pid);
    handle_children(SA_NOCLDSTOP);
    check_stops_and_goes_on(pid, SIGSTOP);
    CHECK_OK(sigpending(&pending));
    CHECK(!sigismember(&pending, SIGCHLD));
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
    await_told(CLD_KILLED, SIGKILL, pid);
    signal(SIGCHLD, SIG_DFL);
    CHECK_OK(sigprocmask(SIG_UNBLOCK, &child, NULL));
}

/* Orphaned groups. */

static void raise_terminal_stop(void *unused)
{
    (void)unused;
    CHECK_OK(setsid());
    CHECK_OK(kill(getpid(), SIGTSTP)); /* nobody would continue this group */
    _exit(33);
}

static void an_orphaned_group_is_not_stopped(void)
{
    CHECK(exits_with(33, raise_terminal_stop, NULL));
}

/* A session of three: its leader; a child in a group of its own, which ends; and the child's child,
   which is stopped in that group and orphaned by then. */
static void leave_stopped_group(void *gate)
{
    CHECK_OK(setsid());
    pid_t middle = CHECK_OK(fork());
    if (middle == 0) {
        CHECK_OK(setpgid(0, 0));
        pid_t stopped = CHECK_OK(fork());
        if (stopped == 0) {
            handle(SIGHUP, 0);
            CHECK_OK(kill(getpid(), SIGSTOP));
            CHECK_EQ(calls, 1); /* SIGHUP and SIGCONT came */
            gate_open(gate);
            _exit(0);
        }
        CHECK(WIFSTOPPED(wait_for_change(stopped)));
        _exit(0);
    }
    CHECK(exited_with(wait_child(middle), 0));
    gate_pass(gate);
}

static void a_stopped_group_that_is_orphaned_hears_of_it(void)
{
    struct gate gate = gate_make();

    CHECK(exits_with(0, leave_stopped_group, &gate));
    gate_destroy(&gate);
}

int main(void)
{
    RUN(a_read_is_started_again);
    RUN(a_read_is_interrupted);
    RUN(ignored_signals_do_not_interrupt);
    RUN(poll_is_never_started_again);
    RUN(a_wait_is_interrupted);
    RUN(a_sleep_tells_what_is_left);
    RUN(signals_do_not_disturb_fork);
    RUN(sigsuspend_waits_with_another_mask);
    RUN(pause_waits_for_a_handler);
    RUN(sigtimedwait_takes_a_signal);
    RUN(an_alarm_comes_once);
    RUN(a_timer_comes_again);
    RUN(an_alarm_is_for_its_process);
    RUN(a_process_stops_and_goes_on);
    RUN(a_stopped_process_can_be_killed);
    RUN(a_stopped_process_dies_later_of_others);
    RUN(a_stop_is_not_seen_by_system_calls);
    RUN(the_parent_is_told_of_stops);
    RUN(an_orphaned_group_is_not_stopped);
    RUN(a_stopped_group_that_is_orphaned_hears_of_it);
    return test_end();
}
