/* ptrace and process_vm_readv: what a tracer sees, and may not do; what becomes of tracees when somebody dies. */
#include "test.h"

#include <sched.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

#define SYSGOOD              (SIGTRAP | 0x80)
#define EVENT(event, signal) ((event) << 8 | (signal)) /* as status >> 8 has it */

/* The call itself: musl's wrapper gives PEEKDATA another form. */
static long trace(long request, pid_t pid, uintptr_t address, uintptr_t data)
{
    return syscall(SYS_ptrace, request, pid, address, data);
}

/* The next stop of the process, as status >> 8 has it. */
static int next_stop(pid_t pid)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, __WALL), pid);
    if (!WIFSTOPPED(status))
        test_fail(__FILE__, __LINE__, "no stop, but status %#x", status);
    return status >> 8;
}

static void go_on(pid_t pid)
{
    CHECK_OK(trace(PTRACE_CONT, pid, 0, 0));
}

static void kill_and_reap(pid_t pid)
{
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
}

/* A child that has its parent trace it, and stops before its body. */
struct traced_body {
    void (*body)(void *);
    void *arg;
};

static void be_traced(void *arg)
{
    const struct traced_body *traced = arg;

    CHECK_OK(trace(PTRACE_TRACEME, 0, 0, 0));
    CHECK_OK(raise(SIGSTOP));
    traced->body(traced->arg);
}

static pid_t start_traced(void (*body)(void *), void *arg, long options)
{
    struct traced_body traced = {body, arg};
    pid_t pid = start_child(be_traced, &traced);

    CHECK_EQ(next_stop(pid), SIGSTOP);
    CHECK_OK(trace(PTRACE_SETOPTIONS, pid, 0, options));
    return pid;
}

static void nothing(void *unused)
{
    (void)unused;
}

/* ---- Signals ---- */

static void raise_it(void *signal)
{
    raise((int)(intptr_t)signal);
}

static void a_signal_stops_and_is_passed_on_or_not(void)
{
    static const int fates[][2] = {{SIGUSR1, 0}, {SIGUSR1, SIGUSR1}, {SIGUSR1, SIGTERM}};

    for (size_t i = 0; i < ARRAY_SIZE(fates); i++) {
        pid_t pid = start_traced(raise_it, (void *)(intptr_t)fates[i][0], 0);
        siginfo_t info;

        go_on(pid);
        CHECK_EQ(next_stop(pid), fates[i][0]);
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
    pid_t pid = start_traced(read_byte, hole + 5, 0);
    siginfo_t info;

    go_on(pid);
    CHECK_EQ(next_stop(pid), SIGSEGV);
    CHECK_OK(trace(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info));
    CHECK_EQ(info.si_code, SEGV_MAPERR);
    CHECK_EQ((uintptr_t)info.si_addr, (uintptr_t)hole + 5);
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGSEGV));
    CHECK(killed_by(wait_child(pid), SIGSEGV));
}

static void ignored_signals_are_seen_too(void)
{
    pid_t pid = start_traced(raise_it, (void *)(intptr_t)SIGURG, 0);

    go_on(pid);
    CHECK_EQ(next_stop(pid), SIGURG);
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGURG));
    CHECK(exited_with(wait_child(pid), 0));
}

static void deadly_signals_wait_for_the_tracer(void)
{
    pid_t pid = start_traced(nothing, NULL, 0);

    CHECK_OK(kill(pid, SIGTERM)); /* it has stopped already, and stays */
    CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
    siginfo_t info;
    CHECK_OK(trace(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info));
    CHECK_EQ(info.si_signo, SIGSTOP);
    go_on(pid);
    CHECK_EQ(next_stop(pid), SIGTERM);
    go_on(pid);
    CHECK(exited_with(wait_child(pid), 0));
}

/* A stop is told once; a look does not take it. */
static void a_stop_is_told_once(void)
{
    pid_t pid = start_traced(nothing, NULL, 0);

    CHECK_EQ(waitpid(pid, NULL, WNOHANG | WUNTRACED | __WALL), 0);
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGUSR2));
    CHECK_EQ(next_stop(pid), SIGUSR2); /* raise had it blocked, so it came later, like any other */
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
    pid_t pid = start_traced(nothing, NULL, 0);
    CHECK_EQ(told_code, CLD_TRAPPED);
    CHECK_EQ(told_status, SIGSTOP);
    CHECK_OK(trace(PTRACE_KILL, pid, 0, 0));
    CHECK(killed_by(wait_child(pid), SIGKILL));
    CHECK_EQ(told_code, CLD_KILLED);
    signal(SIGCHLD, SIG_DFL);
}

/* ---- System calls ---- */

static void call_getppid(void *unused)
{
    (void)unused;
    CHECK(syscall(SYS_getppid, 11, 22, 33, 44, 55, 66) > 0);
}

static struct __ptrace_syscall_info call_info(pid_t pid, long expected_len)
{
    struct __ptrace_syscall_info info;

    memset(&info, 0xee, sizeof(info));
    CHECK_EQ(CHECK_OK(trace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), (uintptr_t)&info)),
             expected_len);
    return info;
}

#define ENTRY_LEN 80
#define EXIT_LEN  33
#define NONE_LEN  24

static void next_call_stop(pid_t pid)
{
    CHECK_OK(trace(PTRACE_SYSCALL, pid, 0, 0));
    CHECK_EQ(next_stop(pid), SYSGOOD);
}

/* Up to the entry of the call. */
static void find_call(pid_t pid, long number)
{
    for (;;) {
        next_call_stop(pid);
        if (call_info(pid, ENTRY_LEN).entry.nr == (uint64_t)number)
            return;
        next_call_stop(pid);
    }
}

static void both_ends_of_a_call(void)
{
    pid_t pid = start_traced(call_getppid, NULL, PTRACE_O_TRACESYSGOOD);
    struct user_regs_struct regs;

    CHECK_EQ(call_info(pid, NONE_LEN).op, PTRACE_SYSCALL_INFO_NONE);
    find_call(pid, SYS_getppid);
    struct __ptrace_syscall_info info = call_info(pid, ENTRY_LEN);
    CHECK_EQ(info.op, PTRACE_SYSCALL_INFO_ENTRY);
    for (int n = 0; n < 6; n++)
        CHECK_EQ(info.entry.args[n], 11 * (n + 1));
    CHECK_OK(trace(PTRACE_GETREGS, pid, 0, (uintptr_t)&regs));
    CHECK_EQ(regs.orig_rax, SYS_getppid);
    CHECK_EQ(regs.rax, -ENOSYS);
    CHECK_EQ(regs.rdi, 11);
    CHECK_EQ(regs.r9, 66);
    CHECK_EQ(regs.rip, info.instruction_pointer);
    CHECK_EQ(regs.rsp, info.stack_pointer);
    CHECK(regs.fs_base);
    next_call_stop(pid);
    info = call_info(pid, EXIT_LEN);
    CHECK_EQ(info.op, PTRACE_SYSCALL_INFO_EXIT);
    CHECK_EQ(info.exit.rval, getpid());
    CHECK_EQ(info.exit.is_error, 0);
    CHECK_OK(trace(PTRACE_GETREGS, pid, 0, (uintptr_t)&regs));
    CHECK_EQ(regs.rax, getpid());
    go_on(pid);
    CHECK(exited_with(wait_child(pid), 0));
}

static void read_byte_of_pipe(void *fd)
{
    char byte;

    CHECK_EQ(read((int)(intptr_t)fd, &byte, 1), 1);
    CHECK_EQ(byte, 'x');
}

#define ERESTARTSYS 512

/* It is seized while it sleeps in a read, which goes on later as if nothing had been. */
static void a_sleeping_process_is_seized_and_interrupted(void)
{
    int fds[2];

    make_pipe(fds);
    pid_t pid = start_child(read_byte_of_pipe, (void *)(intptr_t)fds[0]);
    CHECK_OK(trace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD));
    CHECK_OK(trace(PTRACE_INTERRUPT, pid, 0, 0));
    CHECK_EQ(next_stop(pid), EVENT(PTRACE_EVENT_STOP, SIGTRAP));
    find_call(pid, SYS_read);
    CHECK_OK(trace(PTRACE_SYSCALL, pid, 0, 0));
    CHECK_ERR(ESRCH, trace(PTRACE_CONT, pid, 0, 0)); /* it runs */
    CHECK_OK(trace(PTRACE_INTERRUPT, pid, 0, 0));
    CHECK_EQ(next_stop(pid), SYSGOOD);
    CHECK_EQ(call_info(pid, EXIT_LEN).exit.rval, -ERESTARTSYS);
    find_call(pid, SYS_read);
    CHECK_OK(trace(PTRACE_DETACH, pid, 0, 0));
    CHECK_EQ(write(fds[1], "x", 1), 1);
    CHECK(exited_with(wait_child(pid), 0));
    close(fds[0]);
    close(fds[1]);
}

/* ---- Forks and execs ---- */

static void fork_and_wait(void *unused)
{
    (void)unused;
    pid_t pid = fork();
    if (pid == 0)
        _exit(7);
    CHECK(exited_with(wait_child(pid), 7));
}

static void vfork_and_wait(void *unused)
{
    (void)unused;
    pid_t pid = vfork();
    if (pid == 0)
        _exit(7);
    CHECK(exited_with(wait_child(pid), 7));
}

static void clone_and_wait(void *unused)
{
    int status;

    (void)unused;
    pid_t pid = syscall(SYS_clone, 0, NULL, NULL, NULL, 0); /* tells nobody when it ends */
    if (pid == 0)
        _exit(7);
    CHECK_EQ(waitpid(pid, &status, __WALL), pid);
    CHECK(exited_with(status, 7));
}

#define FORKS (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE)

/* The child is traced from its first step, and the tracer is told of its end before its parent. */
static void check_child_event(void (*body)(void *), int event)
{
    pid_t pid = start_traced(body, NULL, FORKS);
    unsigned long child;

    go_on(pid);
    CHECK_EQ(next_stop(pid), EVENT(event, SIGTRAP));
    CHECK_OK(trace(PTRACE_GETEVENTMSG, pid, 0, (uintptr_t)&child));
    CHECK_EQ(next_stop(child), SIGSTOP);
    go_on(pid);
    CHECK_EQ(waitpid(pid, NULL, WNOHANG | __WALL), 0); /* it waits for its child */
    go_on(child);
    int status;
    CHECK_EQ(waitpid(child, &status, __WALL), (pid_t)child);
    CHECK(exited_with(status, 7));
    if (event != PTRACE_EVENT_CLONE) {
        CHECK_EQ(next_stop(pid), SIGCHLD);
        go_on(pid);
    }
    CHECK(exited_with(wait_child(pid), 0));
}

static void children_are_traced_too(void)
{
    check_child_event(fork_and_wait, PTRACE_EVENT_FORK);
    check_child_event(vfork_and_wait, PTRACE_EVENT_VFORK);
}

/* A signal that would kill the parent waits with it, for it is the tracer's to pass on. */
static void a_vfork_is_not_cut_short(void)
{
    pid_t pid = start_traced(vfork_and_wait, NULL, PTRACE_O_TRACEVFORK);
    unsigned long child;

    go_on(pid);
    CHECK_EQ(next_stop(pid), EVENT(PTRACE_EVENT_VFORK, SIGTRAP));
    CHECK_OK(trace(PTRACE_GETEVENTMSG, pid, 0, (uintptr_t)&child));
    CHECK_EQ(next_stop(child), SIGSTOP);
    go_on(pid);
    CHECK_OK(kill(pid, SIGTERM));
    sched_yield();
    CHECK_EQ(waitpid(pid, NULL, WNOHANG | __WALL), 0);
    go_on(child);
    int status;
    CHECK_EQ(waitpid(child, &status, __WALL), (pid_t)child);
    CHECK(exited_with(status, 7));
    CHECK_EQ(next_stop(pid), SIGTERM);
    kill_and_reap(pid);
}

static void clones_are_told_apart(void)
{
    pid_t pid = start_traced(clone_and_wait, NULL, PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
    unsigned long child;

    go_on(pid);
    CHECK_EQ(next_stop(pid), EVENT(PTRACE_EVENT_CLONE, SIGTRAP));
    CHECK_OK(trace(PTRACE_GETEVENTMSG, pid, 0, (uintptr_t)&child));
    CHECK_EQ(next_stop(child), SIGSTOP);
    CHECK_OK(trace(PTRACE_DETACH, child, 0, 0));
    CHECK_OK(trace(PTRACE_DETACH, pid, 0, 0));
    CHECK(exited_with(wait_child(pid), 0));
}

static void exec_self(void *what)
{
    execl(self_path(), self_path(), what, (char *)NULL);
}

static void a_new_program_is_told(void)
{
    pid_t pid = start_traced(exec_self, "exit", PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD);
    unsigned long message;

    find_call(pid, SYS_execve);
    CHECK_OK(trace(PTRACE_SYSCALL, pid, 0, 0));
    CHECK_EQ(next_stop(pid), EVENT(PTRACE_EVENT_EXEC, SIGTRAP));
    CHECK_OK(trace(PTRACE_GETEVENTMSG, pid, 0, (uintptr_t)&message));
    CHECK_EQ(message, pid);
    next_call_stop(pid); /* the end of execve, which is still the same call */
    CHECK_EQ(call_info(pid, EXIT_LEN).exit.rval, 0);
    struct user_regs_struct regs;
    CHECK_OK(trace(PTRACE_GETREGS, pid, 0, (uintptr_t)&regs));
    CHECK_EQ(regs.orig_rax, SYS_execve);
    go_on(pid);
    CHECK(exited_with(wait_child(pid), 42));

    pid = start_traced(exec_self, "exit", 0);
    go_on(pid);
    CHECK_EQ(next_stop(pid), SIGTRAP); /* a signal like others */
    go_on(pid);
    CHECK(exited_with(wait_child(pid), 42));
}

/* ---- Stops that are the user's ---- */

static void a_job_is_stopped_under_its_tracer(void)
{
    pid_t pid = start_child(wait_for_ever, NULL);

    CHECK_OK(trace(PTRACE_SEIZE, pid, 0, 0));
    CHECK_ERR(ESRCH, trace(PTRACE_LISTEN, pid, 0, 0));
    CHECK_OK(kill(pid, SIGTSTP));
    CHECK_EQ(next_stop(pid), SIGTSTP);
    CHECK_ERR(EIO, trace(PTRACE_LISTEN, pid, 0, 0));
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGTSTP));
    /* A group without anybody who could continue it is not stopped by the terminal's signals. */
    CHECK_OK(kill(pid, SIGSTOP));
    int stop = next_stop(pid);
    if (stop == EVENT(PTRACE_EVENT_STOP, SIGTSTP)) {
        go_on(pid);
        stop = next_stop(pid);
    }
    CHECK_EQ(stop, SIGSTOP);
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGSTOP));
    CHECK_EQ(next_stop(pid), EVENT(PTRACE_EVENT_STOP, SIGSTOP));
    CHECK_OK(trace(PTRACE_LISTEN, pid, 0, 0)); /* it stays stopped */
    CHECK_ERR(ESRCH, trace(PTRACE_CONT, pid, 0, 0));
    CHECK_OK(trace(PTRACE_INTERRUPT, pid, 0, 0));
    CHECK_EQ(next_stop(pid), EVENT(PTRACE_EVENT_STOP, SIGSTOP));
    go_on(pid); /* the tracer overrules it */
    CHECK_OK(kill(pid, SIGUSR1));
    CHECK_EQ(next_stop(pid), SIGUSR1);
    CHECK_OK(trace(PTRACE_DETACH, pid, 0, SIGUSR1));
    CHECK(killed_by(wait_child(pid), SIGUSR1));
}

/* It ends the stop before it begins, though that was taken and the tracer wants it. */
static void a_continuation_overtakes_a_stop(void)
{
    pid_t pid = start_traced(wait_for_ever, NULL, 0); /* it has just taken a SIGSTOP */

    CHECK_OK(kill(pid, SIGCONT));
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGSTOP));
    CHECK_EQ(next_stop(pid), SIGCONT);
    kill_and_reap(pid);
}

static void what_is_detached_in_a_stop_stays_stopped(void)
{
    pid_t pid = start_child(wait_for_ever, NULL);
    int status;

    CHECK_OK(trace(PTRACE_SEIZE, pid, 0, 0));
    CHECK_OK(kill(pid, SIGSTOP));
    CHECK_EQ(next_stop(pid), SIGSTOP);
    CHECK_OK(trace(PTRACE_DETACH, pid, 0, SIGSTOP));
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK_OK(kill(pid, SIGCONT));
    CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
    CHECK(WIFCONTINUED(status));
    kill_and_reap(pid);
}

/* Of SIGCONT first as of a stop of its own, then as of a signal; whether it was stopped or not. */
static void who_has_seized_hears_of_sigcont_twice(void)
{
    pid_t pid = start_child(wait_for_ever, NULL);

    CHECK_OK(trace(PTRACE_SEIZE, pid, 0, 0));
    CHECK_OK(kill(pid, SIGCONT));
    CHECK_EQ(next_stop(pid), EVENT(PTRACE_EVENT_STOP, SIGTRAP));
    go_on(pid);
    CHECK_EQ(next_stop(pid), SIGCONT);
    go_on(pid);
    CHECK_OK(kill(pid, SIGSTOP));
    CHECK_EQ(next_stop(pid), SIGSTOP);
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGSTOP));
    CHECK_EQ(next_stop(pid), EVENT(PTRACE_EVENT_STOP, SIGSTOP));
    CHECK_OK(trace(PTRACE_LISTEN, pid, 0, 0));
    CHECK_OK(kill(pid, SIGCONT));
    CHECK_EQ(next_stop(pid), EVENT(PTRACE_EVENT_STOP, SIGTRAP));
    go_on(pid);
    CHECK_EQ(next_stop(pid), SIGCONT);
    kill_and_reap(pid);
}

static void continue_itself(void *unused)
{
    sigset_t set;

    (void)unused;
    sigemptyset(&set);
    sigaddset(&set, SIGCONT);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    CHECK_OK(raise(SIGSTOP));
    CHECK_OK(kill(getpid(), SIGCONT));
}

/* It does so behind the stops of the call that sends it, and when the signal itself waits. */
static void a_sigcont_is_told_behind_other_stops(void)
{
    pid_t pid = start_child(continue_itself, NULL);
    int status, stop, traps = 0;

    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK_OK(trace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD));
    CHECK_EQ(next_stop(pid), EVENT(PTRACE_EVENT_STOP, SIGSTOP));
    CHECK_OK(trace(PTRACE_SYSCALL, pid, 0, 0)); /* it goes on, stopped or not */
    while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
        stop = status >> 8;
        if (stop == EVENT(PTRACE_EVENT_STOP, SIGTRAP))
            traps++;
        else
            CHECK_EQ(stop, SYSGOOD);
        CHECK_OK(trace(PTRACE_SYSCALL, pid, 0, 0));
    }
    CHECK(exited_with(status, 0));
    CHECK_EQ(traps, 1);
}

/* No tracer can have it go on where no program can be. (Some CPUs fault before the jump, and then there is nothing to
   suppress.) */
static void a_jump_to_no_address_cannot_be_suppressed(void)
{
    pid_t pid = start_traced(call_code, (void *)(1ul << 63), 0);

    for (int n = 0; n < 3; n++) {
        go_on(pid);
        CHECK_EQ(next_stop(pid), SIGSEGV);
    }
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGSEGV));
    CHECK(killed_by(wait_child(pid), SIGSEGV));
}

/* Who seizes a process that has stopped already is told so at once. */
static void a_stopped_process_is_seized(void)
{
    pid_t pid = start_child(wait_for_ever, NULL);
    int status;

    CHECK_OK(kill(pid, SIGSTOP));
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK_OK(trace(PTRACE_SEIZE, pid, 0, 0));
    CHECK_EQ(next_stop(pid), EVENT(PTRACE_EVENT_STOP, SIGSTOP));
    CHECK_OK(trace(PTRACE_DETACH, pid, 0, 0));
    kill_and_reap(pid);
}

/* As its tracer it was told of the stop, and as its parent it is told again. */
static void a_parent_that_detaches_hears_of_the_stop(void)
{
    pid_t pid = start_traced(wait_for_ever, NULL, 0);
    int status;

    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGSTOP));
    CHECK_EQ(next_stop(pid), SIGSTOP);
    CHECK_OK(trace(PTRACE_DETACH, pid, 0, 0));
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    kill_and_reap(pid);
}

/* ---- The end ---- */

static void sigkill_ends_every_stop(void)
{
    pid_t pid = start_traced(nothing, NULL, PTRACE_O_TRACESYSGOOD);

    kill_and_reap(pid); /* at a signal */
    pid = start_traced(nothing, NULL, PTRACE_O_TRACESYSGOOD);
    next_call_stop(pid);
    kill_and_reap(pid); /* at an entry */
    pid = start_traced(nothing, NULL, PTRACE_O_TRACESYSGOOD);
    next_call_stop(pid);
    next_call_stop(pid);
    kill_and_reap(pid); /* at an exit */
    pid = start_traced(exec_self, "exit", PTRACE_O_TRACEEXEC);
    go_on(pid);
    CHECK_EQ(next_stop(pid), EVENT(PTRACE_EVENT_EXEC, SIGTRAP));
    kill_and_reap(pid);
    pid = start_child(wait_for_ever, NULL);
    CHECK_OK(trace(PTRACE_SEIZE, pid, 0, 0));
    CHECK_OK(kill(pid, SIGSTOP));
    CHECK_EQ(next_stop(pid), SIGSTOP);
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGSTOP));
    CHECK_EQ(next_stop(pid), EVENT(PTRACE_EVENT_STOP, SIGSTOP));
    CHECK_OK(trace(PTRACE_LISTEN, pid, 0, 0));
    kill_and_reap(pid); /* and where it listens */
}

/* A call that was not made yet is not made any more. */
static void a_killed_process_makes_no_call(void)
{
    int fds[2];
    char byte;

    make_pipe(fds);
    pid_t pid = fork();
    if (pid == 0) {
        trace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        (void)!write(fds[1], "x", 1);
        _exit(0);
    }
    CHECK_EQ(next_stop(pid), SIGSTOP);
    CHECK_OK(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD));
    find_call(pid, SYS_write);
    kill_and_reap(pid);
    close(fds[1]);
    CHECK_EQ(read(fds[0], &byte, 1), 0);
    close(fds[0]);
}

/* A tracer that is not the parent, and does `with` the process before it ends. */
struct other_tracer {
    pid_t tracee;
    long options;
    bool is_to_stop;         /* the tracee, which is then left so */
    const struct gate *gate; /* opened when it traces */
};

static void trace_other(void *arg)
{
    const struct other_tracer *other = arg;

    CHECK_OK(trace(PTRACE_SEIZE, other->tracee, 0, other->options));
    if (other->is_to_stop) {
        CHECK_OK(trace(PTRACE_INTERRUPT, other->tracee, 0, 0));
        CHECK_EQ(next_stop(other->tracee), EVENT(PTRACE_EVENT_STOP, SIGTRAP));
    }
}

/* The tracee runs on, or dies with its tracer if that wanted it so. */
static void a_tracer_that_ends_lets_go(void)
{
    for (int n = 0; n < 4; n++) {
        int fds[2];
        bool is_to_die = n & 1;

        make_pipe(fds);
        pid_t pid = start_child(read_byte_of_pipe, (void *)(intptr_t)fds[0]);
        struct other_tracer other = {
            .tracee = pid, .options = is_to_die ? PTRACE_O_EXITKILL : 0, .is_to_stop = n & 2};
        CHECK(exits_with(0, trace_other, &other));
        if (!is_to_die)
            CHECK_EQ(write(fds[1], "x", 1), 1);
        int status = wait_child(pid);
        CHECK(is_to_die ? killed_by(status, SIGKILL) : exited_with(status, 0));
        close(fds[0]);
        close(fds[1]);
    }
}

static void reap_other(void *arg)
{
    const struct other_tracer *other = arg;
    int status;

    trace_other(arg);
    CHECK_OK(kill(other->tracee, SIGKILL));
    CHECK_EQ(waitpid(other->tracee, &status, 0), other->tracee);
    CHECK(killed_by(status, SIGKILL));
    CHECK_ERR(ECHILD, waitpid(other->tracee, &status, 0)); /* it is its parent's now */
}

static void leave_zombie(void *arg)
{
    const struct other_tracer *other = arg;
    siginfo_t info;

    trace_other(arg);
    signal(SIGCHLD, SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    CHECK_OK(kill(other->tracee, SIGKILL));
    CHECK_EQ(sigwaitinfo(&set, &info), SIGCHLD);
    gate_open(other->gate);
    wait_for_ever(NULL);
}

/* First the tracer hears of the end, then the parent, whether the tracer has waited or not. */
static void the_parent_hears_of_the_end_last(void)
{
    struct gate gate = gate_make();
    struct other_tracer other = {.tracee = start_child(wait_for_ever, NULL), .gate = &gate};
    int status;

    CHECK(exits_with(0, reap_other, &other));
    CHECK(killed_by(wait_child(other.tracee), SIGKILL));

    other.tracee = start_child(wait_for_ever, NULL);
    pid_t tracer = start_child(leave_zombie, &other);
    gate_pass(&gate);
    CHECK_EQ(waitpid(other.tracee, &status, WNOHANG), 0);
    kill_and_reap(tracer);
    CHECK(killed_by(wait_child(other.tracee), SIGKILL));
    gate_destroy(&gate);
}

/* Who does not want to hear of its children hears of those that it traces. */
static void a_traced_child_is_not_reaped_unseen(void)
{
    signal(SIGCHLD, SIG_IGN);
    pid_t pid = start_traced(nothing, NULL, 0);
    go_on(pid);
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(exited_with(status, 0));
    signal(SIGCHLD, SIG_DFL);
}

/* ---- Memory ---- */

static ssize_t read_from(pid_t pid, void *to, const void *from, size_t len)
{
    struct iovec local = {to, len}, remote = {(void *)from, len};

    return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

static void write_and_stop(void *pages)
{
    memset(pages, 'c', PAGE + 8);
    raise(SIGUSR1);
}

static void memory_of_a_tracee(void)
{
    char *pages = map_pages(4), *hole = map_hole(1);
    char buffer[3 * PAGE];

    poke(pages, 'p');
    CHECK_OK(mprotect(pages + 3 * PAGE, PAGE, PROT_NONE));
    pid_t pid = start_traced(write_and_stop, pages, 0);
    go_on(pid);
    CHECK_EQ(next_stop(pid), SIGUSR1);
    CHECK_EQ(peek(pages), 'p'); /* it is the child's page that was written */
    CHECK_EQ(read_from(pid, buffer, pages + 1, 3 * PAGE - 1), 3 * PAGE - 1);
    CHECK_EQ(buffer[0], 'c');
    CHECK_EQ(buffer[PAGE + 6], 'c');
    CHECK(is_zero(buffer + PAGE + 7,
                  2 * PAGE - 8)); /* the last page had not been touched by anybody */
    CHECK_EQ(read_from(pid, buffer, pages + 2 * PAGE + 8, 2 * PAGE),
             PAGE - 8); /* up to what may not be read */
    CHECK_ERR(EFAULT, read_from(pid, buffer, hole, 1));
    CHECK_ERR(EFAULT, read_from(pid, buffer, NULL, 1));
    CHECK_ERR(EFAULT, read_from(pid, buffer, (void *)0xffff800000100000, 8));
    CHECK_ERR(EFAULT, read_from(pid, buffer, (void *)-8, 8));
    CHECK_ERR(EFAULT, read_from(pid, hole, pages, 8));
    CHECK_ERR(EFAULT, read_from(pid, (void *)0xffff800000100000, pages, 8));
    unsigned long word;
    CHECK_OK(trace(PTRACE_PEEKDATA, pid, (uintptr_t)pages + PAGE - 4, (uintptr_t)&word));
    CHECK_EQ(word, 0x6363636363636363);
    CHECK_ERR(EIO, trace(PTRACE_PEEKDATA, pid, (uintptr_t)hole, (uintptr_t)&word));
    CHECK_ERR(EIO, trace(PTRACE_PEEKDATA, pid, (uintptr_t)hole - 4 + PAGE, (uintptr_t)&word));
    CHECK_ERR(EFAULT, trace(PTRACE_PEEKDATA, pid, (uintptr_t)pages, (uintptr_t)hole));
    kill_and_reap(pid);
    unmap_pages(pages, 4);
}

static void pieces_of_memory(void)
{
    static const char text[] = "abcdefgh";
    char a[4] = "", b[8] = "";
    struct iovec local[] = {{a, 3}, {NULL, 0}, {b, 8}};
    struct iovec remote[] = {
        {(void *)text, 2}, {(void *)text, 0}, {(void *)(text + 5), 3}, {NULL, 1}};

    CHECK_EQ(process_vm_readv(getpid(), local, 3, remote, 3, 0), 5);
    CHECK_EQ(memcmp(a, "abf", 4), 0);
    CHECK_EQ(memcmp(b, "gh", 3), 0);
    CHECK_EQ(process_vm_readv(getpid(), local, 3, remote, 4, 0), 5); /* the last is a hole */
    CHECK_EQ(process_vm_readv(getpid(), local, 3, remote, 0, 0), 0);
    CHECK_EQ(process_vm_readv(getpid(), local, 0, remote, 3, 0), 0);
    CHECK_ERR(EINVAL, process_vm_readv(getpid(), local, 3, remote, 3, 1));
    CHECK_ERR(EINVAL, process_vm_readv(getpid(), local, 1025, remote, 3, 0));
    CHECK_ERR(EINVAL, process_vm_readv(getpid(), local, 3, remote, 1025, 0));
    CHECK_ERR(ESRCH, process_vm_readv(4194300, local, 3, remote, 3, 0));
    CHECK_ERR(ESRCH, process_vm_readv(-1, local, 3, remote, 3, 0));
    local[0].iov_len = -1;
    CHECK_ERR(EINVAL, process_vm_readv(getpid(), local, 3, remote, 3, 0));
}

/* Though only as much would be read as there is room for. */
static void a_length_below_0_of_memory_elsewhere(void)
{
    char byte = 1, to;
    struct iovec local = {&to, 1}, remote[] = {{&byte, 1}, {&byte, -1}};

    CHECK_ERR(EINVAL, process_vm_readv(getpid(), &local, 1, remote, 2, 0));
}

static void exec_again_and_again(void *unused)
{
    (void)unused;
    execl(self_path(), self_path(), "again", (char *)NULL);
}

#define READS 200

/* The memory is exchanged, unmapped and given back under the reader. */
static void memory_that_goes_while_it_is_read(void)
{
    pid_t pid = start_child(exec_again_and_again, NULL);
    struct region stack = {0};
    char *buffer = map_pages(16);

    CHECK(region_find(&stack, &stack));
    for (int n = 0; n < READS; n++) {
        ssize_t len = read_from(pid, buffer, (char *)stack.end - 16 * PAGE, 16 * PAGE);
        CHECK(len > 0 || errno == EFAULT || errno == ESRCH);
        sched_yield();
    }
    kill_and_reap(pid);
    unmap_pages(buffer, 16);
}

/* ---- What is refused ---- */

static void wrong_processes(void)
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
    kill_and_reap(pid);
}

static void init_and_zombies(void)
{
    sigset_t set, old;
    siginfo_t info;

    if (on_pagoda())
        CHECK_ERR(EPERM, trace(PTRACE_SEIZE, 1, 0, 0));
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, &old));
    pid_t pid = start_child(nothing, NULL);
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

static void wrong_requests(void)
{
    pid_t pid = start_traced(twice_traced, NULL, 0), other = start_child(wait_for_ever, NULL);
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
    go_on(pid);
    CHECK(exited_with(wait_child(pid), 0));
    kill_and_reap(other);
}

static void the_state_in_proc(void)
{
    pid_t pid = start_traced(nothing, NULL, 0);
    char path[] = "/proc/1234567890/status";

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    CHECK_EQ(number_in(path, "TracerPid"), getpid());
    CHECK_OK(trace(PTRACE_DETACH, pid, 0, 0));
    CHECK(exited_with(wait_child(pid), 0));
    CHECK_EQ(number_in("/proc/self/status", "TracerPid"), 0);
}

/* ---- Many ---- */

#define BOMB_DEPTH 3

/* Each process forks twice, so they are 2 to the power of BOMB_DEPTH at the end. */
static void fork_bomb(void *unused)
{
    (void)unused;
    for (int n = 0; n < BOMB_DEPTH; n++)
        (void)!fork();
    while (wait(NULL) > 0)
        ;
}

/* Follows all the forks with stops at every call, for so many stops; then ends, with the rest as they are. */
static void trace_bomb(void *stops)
{
    pid_t pid = start_traced(fork_bomb, NULL, FORKS | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
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

/* What this program is when it is executed by one of its cases. */
static int be(const char *what)
{
    if (strcmp(what, "again") == 0)
        exec_again_and_again(NULL);
    return 42;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return be(argv[1]);
    RUN(a_signal_stops_and_is_passed_on_or_not);
    RUN(a_fault_is_told_with_its_address);
    RUN(ignored_signals_are_seen_too);
    RUN(deadly_signals_wait_for_the_tracer);
    RUN(a_stop_is_told_once);
    RUN(a_stop_sends_sigchld);
    RUN(both_ends_of_a_call);
    RUN(a_sleeping_process_is_seized_and_interrupted);
    RUN(children_are_traced_too);
    RUN(a_vfork_is_not_cut_short);
    RUN(clones_are_told_apart);
    RUN(a_new_program_is_told);
    RUN(a_job_is_stopped_under_its_tracer);
    RUN(a_continuation_overtakes_a_stop);
    RUN(what_is_detached_in_a_stop_stays_stopped);
    RUN(who_has_seized_hears_of_sigcont_twice);
    RUN(a_sigcont_is_told_behind_other_stops);
    RUN(a_jump_to_no_address_cannot_be_suppressed);
    RUN(a_stopped_process_is_seized);
    RUN(a_parent_that_detaches_hears_of_the_stop);
    RUN(sigkill_ends_every_stop);
    RUN(a_killed_process_makes_no_call);
    RUN(a_tracer_that_ends_lets_go);
    RUN(the_parent_hears_of_the_end_last);
    RUN(a_traced_child_is_not_reaped_unseen);
    RUN(memory_of_a_tracee);
    RUN(pieces_of_memory);
    RUN(a_length_below_0_of_memory_elsewhere);
    RUN(memory_that_goes_while_it_is_read);
    RUN(wrong_processes);
    RUN(init_and_zombies);
    RUN(wrong_requests);
    RUN(the_state_in_proc);
    RUN(a_fork_bomb_is_followed_and_left);
    return test_end();
}
