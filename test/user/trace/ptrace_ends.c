/* ptrace: the end of a tracee, of its tracer, and what the parent is told of it. */
#include "tracee.h"

static void sigkill_ends_every_stop(void)
{
    pid_t pid = tracee_start(do_nothing, NULL, PTRACE_O_TRACESYSGOOD);

    tracee_kill(pid); /* at a signal */
    pid = tracee_start(do_nothing, NULL, PTRACE_O_TRACESYSGOOD);
    tracee_next_call(pid);
    tracee_kill(pid); /* at an entry */
    pid = tracee_start(do_nothing, NULL, PTRACE_O_TRACESYSGOOD);
    tracee_next_call(pid);
    tracee_next_call(pid);
    tracee_kill(pid); /* at an exit */
    pid = tracee_start(exec_self, "exit", PTRACE_O_TRACEEXEC);
    tracee_continue(pid);
    CHECK_EQ(tracee_next_stop(pid), EVENT(PTRACE_EVENT_EXEC, SIGTRAP));
    tracee_kill(pid);
    pid = start_child(wait_for_ever, NULL);
    CHECK_OK(trace(PTRACE_SEIZE, pid, 0, 0));
    CHECK_OK(kill(pid, SIGSTOP));
    CHECK_EQ(tracee_next_stop(pid), SIGSTOP);
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGSTOP));
    CHECK_EQ(tracee_next_stop(pid), EVENT(PTRACE_EVENT_STOP, SIGSTOP));
    CHECK_OK(trace(PTRACE_LISTEN, pid, 0, 0));
    tracee_kill(pid); /* and where it listens */
}

/* A system call that has not begun is never made. */
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
    CHECK_EQ(tracee_next_stop(pid), SIGSTOP);
    CHECK_OK(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD));
    tracee_find_call(pid, SYS_write);
    tracee_kill(pid);
    close(fds[1]);
    CHECK_EQ(read(fds[0], &byte, 1), 0);
    close(fds[0]);
}

/* A tracer that is not the parent. */
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
        CHECK_EQ(tracee_next_stop(other->tracee), EVENT(PTRACE_EVENT_STOP, SIGTRAP));
    }
}

/* The tracee runs on after its tracer's end, or dies with it under PTRACE_O_EXITKILL. */
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

/* The tracer hears of the end first and the parent last, whether the tracer waits or not. */
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
    tracee_kill(tracer);
    CHECK(killed_by(wait_child(other.tracee), SIGKILL));
    gate_destroy(&gate);
}

/* A process that ignores SIGCHLD still hears of the children that it traces. */
static void a_traced_child_is_not_reaped_unseen(void)
{
    signal(SIGCHLD, SIG_IGN);
    pid_t pid = tracee_start(do_nothing, NULL, 0);
    tracee_continue(pid);
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(exited_with(status, 0));
    signal(SIGCHLD, SIG_DFL);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return 42; /* when a case executes this program */
    RUN(sigkill_ends_every_stop);
    RUN(a_killed_process_makes_no_call);
    RUN(a_tracer_that_ends_lets_go);
    RUN(the_parent_hears_of_the_end_last);
    RUN(a_traced_child_is_not_reaped_unseen);
    return test_end();
}
