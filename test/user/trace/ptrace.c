/* ptrace: the signals of a tracee, the requests that are refused, and a fork bomb that is
   traced. */
#include "tracee.h"

#include <stdio.h>

/* ---- Signals ---- */

static void raise_it(void *signal)
{
    raise((int)(intptr_t)signal);
}

static void a_signal_stops_and_is_passed_on_or_not(void)
{
    static const int fates[][2] = {{SIGUSR1, 0}, {SIGUSR1, SIGUSR1}, {SIGUSR1, SIGTERM}};

    for (size_t i = 0; i < ARRAY_SIZE(fates); i++) {
        pid_t pid = tracee_start(raise_it, (void *)(intptr_t)fates[i][0], 0);
        siginfo_t info;

        tracee_continue(pid);
        CHECK_EQ(tracee_next_stop(pid), fates[i][0]);
        CHECK_OK(trace(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info));
        CHECK_EQ(info.si_signo, fates[i][0]);
        CHECK_EQ(info.si_pid, pid);
        CHECK_OK(trace(PTRACE_CONT, pid, 0, fates[i][1]));
        int status = wait_child(pid);
        CHECK(fates[i][1] ? killed_by(status, fates[i][1]) : exited_with(status, 0));
    }
}

static void a_fault_is_told_with_its_address(void)
{
    char *hole = map_hole(1);
    pid_t pid = tracee_start(read_byte, hole + 5, 0);
    siginfo_t info;

    tracee_continue(pid);
    CHECK_EQ(tracee_next_stop(pid), SIGSEGV);
    CHECK_OK(trace(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info));
    CHECK_EQ(info.si_code, SEGV_MAPERR);
    CHECK_EQ((uintptr_t)info.si_addr, (uintptr_t)hole + 5);
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGSEGV));
    CHECK(killed_by(wait_child(pid), SIGSEGV));
}

static void ignored_signals_are_seen_too(void)
{
    pid_t pid = tracee_start(raise_it, (void *)(intptr_t)SIGURG, 0);

    tracee_continue(pid);
    CHECK_EQ(tracee_next_stop(pid), SIGURG);
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGURG));
    CHECK(exited_with(wait_child(pid), 0));
}

static void deadly_signals_wait_for_the_tracer(void)
{
    pid_t pid = tracee_start(do_nothing, NULL, 0);

    CHECK_OK(kill(pid, SIGTERM)); /* it has stopped already, and stays */
    CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
    siginfo_t info;
    CHECK_OK(trace(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info));
    CHECK_EQ(info.si_signo, SIGSTOP);
    tracee_continue(pid);
    CHECK_EQ(tracee_next_stop(pid), SIGTERM);
    tracee_continue(pid);
    CHECK(exited_with(wait_child(pid), 0));
}

/* A stop is reported once, and a request does not consume it. */
static void a_stop_is_told_once(void)
{
    pid_t pid = tracee_start(do_nothing, NULL, 0);

    CHECK_EQ(waitpid(pid, NULL, WNOHANG | WUNTRACED | __WALL), 0);
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGUSR2));
    CHECK_EQ(tracee_next_stop(pid),
             SIGUSR2); /* raise had it blocked, so it came later, like any other */
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGUSR2));
    CHECK(killed_by(wait_child(pid), SIGUSR2));
}

static volatile sig_atomic_t told_code, told_status;

static void note_child(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    told_code = info->si_code;
    told_status = info->si_status;
}

static void a_stop_sends_sigchld(void)
{
    struct sigaction action = {.sa_sigaction = note_child, .sa_flags = SA_SIGINFO | SA_RESTART};

    CHECK_OK(sigaction(SIGCHLD, &action, NULL));
    pid_t pid = tracee_start(do_nothing, NULL, 0);
    CHECK_EQ(told_code, CLD_TRAPPED);
    CHECK_EQ(told_status, SIGSTOP);
    CHECK_OK(trace(PTRACE_KILL, pid, 0, 0));
    CHECK(killed_by(wait_child(pid), SIGKILL));
    CHECK_EQ(told_code, CLD_KILLED);
    signal(SIGCHLD, SIG_DFL);
}

/* ---- What is refused ---- */

static void wrong_processes_are_refused(void)
{
    pid_t pid = start_child(wait_for_ever, NULL), nobody = 4194300;

    CHECK_ERR(ESRCH, trace(PTRACE_SEIZE, nobody, 0, 0));
    CHECK_ERR(ESRCH, trace(PTRACE_SEIZE, 0, 0, 0));
    CHECK_ERR(ESRCH, trace(PTRACE_SEIZE, -1, 0, 0));
    CHECK_ERR(EPERM, trace(PTRACE_SEIZE, getpid(), 0, 0));
    static const int requests[] = {PTRACE_CONT,
                                   PTRACE_SYSCALL,
                                   PTRACE_DETACH,
                                   PTRACE_KILL,
                                   PTRACE_SETOPTIONS,
                                   PTRACE_PEEKDATA,
                                   PTRACE_GETREGS,
                                   PTRACE_GETSIGINFO,
                                   PTRACE_GETEVENTMSG,
                                   PTRACE_INTERRUPT,
                                   PTRACE_LISTEN,
                                   PTRACE_GET_SYSCALL_INFO,
                                   12345};
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        CHECK_ERR(ESRCH, trace(requests[i], nobody, 0, 0));
        CHECK_ERR(ESRCH, trace(requests[i], -1, 0, 0));
        CHECK_ERR(ESRCH, trace(requests[i], pid, 0, 0)); /* it is not traced */
        CHECK_ERR(ESRCH, trace(requests[i], getpid(), 0, 0));
    }
    CHECK_OK(trace(PTRACE_SEIZE, pid, 0, 0));
    CHECK_ERR(EPERM, trace(PTRACE_SEIZE, pid, 0, 0));
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
        if (requests[i] != PTRACE_INTERRUPT && requests[i] != PTRACE_KILL)
            CHECK_ERR(ESRCH, trace(requests[i], pid, 0, 0)); /* it runs */
    tracee_kill(pid);
}

static void init_and_zombies_cannot_be_traced(void)
{
    sigset_t set, old;
    siginfo_t info;

    if (on_pagoda())
        CHECK_ERR(EPERM, trace(PTRACE_SEIZE, 1, 0, 0));
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, &old));
    pid_t pid = start_child(do_nothing, NULL);
    CHECK_EQ(sigwaitinfo(&set, &info), SIGCHLD);
    CHECK_ERR(EPERM, trace(PTRACE_SEIZE, pid, 0, 0));
    CHECK_ERR(ESRCH, read_from(pid, &info, &info, 1));
    CHECK(exited_with(wait_child(pid), 0));
    CHECK_OK(sigprocmask(SIG_SETMASK, &old, NULL));
}

static void twice_traced(void *unused)
{
    (void)unused;
    CHECK_ERR(EPERM, trace(PTRACE_TRACEME, 0, 0, 0));
}

static void wrong_requests_are_refused(void)
{
    pid_t pid = tracee_start(twice_traced, NULL, 0), other = start_child(wait_for_ever, NULL);
    char *hole = map_hole(1);
    static const int with_pointer[] = {PTRACE_GETREGS, PTRACE_GETSIGINFO, PTRACE_GETEVENTMSG};

    CHECK_ERR(EIO, trace(12345, pid, 0, 0));
    CHECK_ERR(EIO, trace(PTRACE_CONT, pid, 0, 65));
    CHECK_ERR(EIO, trace(PTRACE_CONT, pid, 0, -1));
    CHECK_ERR(EIO, trace(PTRACE_DETACH, pid, 0, 65));
    CHECK_ERR(EINVAL, trace(PTRACE_SETOPTIONS, pid, 0, 1 << 30));
    CHECK_ERR(EIO, trace(PTRACE_INTERRUPT, pid, 0, 0)); /* only for those that were seized */
    CHECK_ERR(EIO, trace(PTRACE_LISTEN, pid, 0, 0));
    CHECK_ERR(EIO, trace(PTRACE_SEIZE, other, 1, 0));
    CHECK_ERR(EIO, trace(PTRACE_SEIZE, other, 0, 1 << 30));
    for (size_t i = 0; i < ARRAY_SIZE(with_pointer); i++) {
        CHECK_ERR(EFAULT, trace(with_pointer[i], pid, 0, (uintptr_t)hole));
        CHECK_ERR(EFAULT, trace(with_pointer[i], pid, 0, 0xffff800000100000));
        CHECK_ERR(EFAULT, trace(with_pointer[i], pid, 0, 0));
    }
    CHECK_ERR(EFAULT, trace(PTRACE_GET_SYSCALL_INFO, pid, 80, (uintptr_t)hole));
    CHECK_EQ(trace(PTRACE_GET_SYSCALL_INFO, pid, 0, (uintptr_t)hole), NONE_LEN);
    tracee_continue(pid);
    CHECK(exited_with(wait_child(pid), 0));
    tracee_kill(other);
}

static void status_names_the_tracer(void)
{
    pid_t pid = tracee_start(do_nothing, NULL, 0);
    char path[] = "/proc/1234567890/status";

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    CHECK_EQ(number_in(path, "TracerPid"), getpid());
    CHECK_OK(trace(PTRACE_DETACH, pid, 0, 0));
    CHECK(exited_with(wait_child(pid), 0));
    CHECK_EQ(number_in("/proc/self/status", "TracerPid"), 0);
}

/* ---- Many ---- */

#define BOMB_DEPTH 3

/* Each process forks BOMB_DEPTH times, so 2 to the power of BOMB_DEPTH processes exist at the
   end. */
static void fork_bomb(void *unused)
{
    (void)unused;
    for (int n = 0; n < BOMB_DEPTH; n++)
        (void)!fork();
    while (wait(NULL) > 0)
        ;
}

/* Traces all forks with stops at every call, for `stops` stops. Then it ends, and leaves the
   tracees. */
static void trace_bomb(void *stops)
{
    pid_t pid = tracee_start(fork_bomb, NULL, FORKS | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    int status, left = *(int *)stops;

    CHECK_OK(trace(PTRACE_SYSCALL, pid, 0, 0));
    while (left-- > 0 && (pid = waitpid(-1, &status, __WALL)) > 0) {
        int signal = WSTOPSIG(status);
        bool is_passed_on = !(status >> 16) && signal != SYSGOOD && signal != SIGSTOP;

        if (WIFSTOPPED(status))
            CHECK_OK(trace(PTRACE_SYSCALL, pid, 0, is_passed_on ? signal : 0));
    }
}

static void a_fork_bomb_is_followed_and_left(void)
{
    static int stops[] = {1, 2, 3, 10, 50, 200, 1000000};

    for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
        CHECK(exits_with(0, trace_bomb, &stops[i]));
}

int main(void)
{
    RUN(a_signal_stops_and_is_passed_on_or_not);
    RUN(a_fault_is_told_with_its_address);
    RUN(ignored_signals_are_seen_too);
    RUN(deadly_signals_wait_for_the_tracer);
    RUN(a_stop_is_told_once);
    RUN(a_stop_sends_sigchld);
    RUN(wrong_processes_are_refused);
    RUN(init_and_zombies_cannot_be_traced);
    RUN(wrong_requests_are_refused);
    RUN(status_names_the_tracer);
    RUN(a_fork_bomb_is_followed_and_left);
    return test_end();
}
