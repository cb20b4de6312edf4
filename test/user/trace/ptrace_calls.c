/* ptrace: a tracer sees the system calls, the children and the new programs of its tracee. */
#include "tracee.h"

#include <sched.h>
#include <sys/user.h>

/* ---- System calls ---- */

static void call_getppid(void *unused)
{
    (void)unused;
    CHECK(syscall(SYS_getppid, 11, 22, 33, 44, 55, 66) > 0);
}

static void both_ends_of_a_call_are_seen(void)
{
    pid_t pid = tracee_start(call_getppid, NULL, PTRACE_O_TRACESYSGOOD);
    struct user_regs_struct regs;

    CHECK_EQ(tracee_call_info(pid, NONE_LEN).op, PTRACE_SYSCALL_INFO_NONE);
    tracee_find_call(pid, SYS_getppid);
    struct __ptrace_syscall_info info = tracee_call_info(pid, ENTRY_LEN);
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
    tracee_next_call(pid);
    info = tracee_call_info(pid, EXIT_LEN);
    CHECK_EQ(info.op, PTRACE_SYSCALL_INFO_EXIT);
    CHECK_EQ(info.exit.rval, getpid());
    CHECK_EQ(info.exit.is_error, 0);
    CHECK_OK(trace(PTRACE_GETREGS, pid, 0, (uintptr_t)&regs));
    CHECK_EQ(regs.rax, getpid());
    tracee_continue(pid);
    CHECK(exited_with(wait_child(pid), 0));
}

#define ERESTARTSYS 512

/* A process is seized while it sleeps in a read. The read then continues undisturbed. */
static void a_sleeping_process_is_seized_and_interrupted(void)
{
    int fds[2];

    make_pipe(fds);
    pid_t pid = start_child(read_byte_of_pipe, (void *)(intptr_t)fds[0]);
    CHECK_OK(trace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD));
    CHECK_OK(trace(PTRACE_INTERRUPT, pid, 0, 0));
    CHECK_EQ(tracee_next_stop(pid), EVENT(PTRACE_EVENT_STOP, SIGTRAP));
    tracee_find_call(pid, SYS_read);
    CHECK_OK(trace(PTRACE_SYSCALL, pid, 0, 0));
    CHECK_ERR(ESRCH, trace(PTRACE_CONT, pid, 0, 0)); /* it runs */
    CHECK_OK(trace(PTRACE_INTERRUPT, pid, 0, 0));
    CHECK_EQ(tracee_next_stop(pid), SYSGOOD);
    CHECK_EQ(tracee_call_info(pid, EXIT_LEN).exit.rval, -ERESTARTSYS);
    tracee_find_call(pid, SYS_read);
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

/* The child is traced from its first step. The tracer hears of its end before the parent does. */
static void check_child_event(void (*body)(void *), int event)
{
    pid_t pid = tracee_start(body, NULL, FORKS);
    unsigned long child;

    tracee_continue(pid);
    CHECK_EQ(tracee_next_stop(pid), EVENT(event, SIGTRAP));
    CHECK_OK(trace(PTRACE_GETEVENTMSG, pid, 0, (uintptr_t)&child));
    CHECK_EQ(tracee_next_stop(child), SIGSTOP);
    tracee_continue(pid);
    CHECK_EQ(waitpid(pid, NULL, WNOHANG | __WALL), 0); /* it waits for its child */
    tracee_continue(child);
    int status;
    CHECK_EQ(waitpid(child, &status, __WALL), (pid_t)child);
    CHECK(exited_with(status, 7));
    if (event != PTRACE_EVENT_CLONE) {
        CHECK_EQ(tracee_next_stop(pid), SIGCHLD);
        tracee_continue(pid);
    }
    CHECK(exited_with(wait_child(pid), 0));
}

static void children_are_traced_too(void)
{
    check_child_event(fork_and_wait, PTRACE_EVENT_FORK);
    check_child_event(vfork_and_wait, PTRACE_EVENT_VFORK);
}

/* A signal that would kill the parent stays pending, because the tracer decides about it. */
static void a_vfork_is_not_cut_short(void)
{
    pid_t pid = tracee_start(vfork_and_wait, NULL, PTRACE_O_TRACEVFORK);
    unsigned long child;

    tracee_continue(pid);
    CHECK_EQ(tracee_next_stop(pid), EVENT(PTRACE_EVENT_VFORK, SIGTRAP));
    CHECK_OK(trace(PTRACE_GETEVENTMSG, pid, 0, (uintptr_t)&child));
    CHECK_EQ(tracee_next_stop(child), SIGSTOP);
    tracee_continue(pid);
    CHECK_OK(kill(pid, SIGTERM));
    sched_yield();
    CHECK_EQ(waitpid(pid, NULL, WNOHANG | __WALL), 0);
    tracee_continue(child);
    int status;
    CHECK_EQ(waitpid(child, &status, __WALL), (pid_t)child);
    CHECK(exited_with(status, 7));
    CHECK_EQ(tracee_next_stop(pid), SIGTERM);
    tracee_kill(pid);
}

static void clones_are_told_apart(void)
{
    pid_t pid = tracee_start(clone_and_wait, NULL, PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
    unsigned long child;

    tracee_continue(pid);
    CHECK_EQ(tracee_next_stop(pid), EVENT(PTRACE_EVENT_CLONE, SIGTRAP));
    CHECK_OK(trace(PTRACE_GETEVENTMSG, pid, 0, (uintptr_t)&child));
    CHECK_EQ(tracee_next_stop(child), SIGSTOP);
    CHECK_OK(trace(PTRACE_DETACH, child, 0, 0));
    CHECK_OK(trace(PTRACE_DETACH, pid, 0, 0));
    CHECK(exited_with(wait_child(pid), 0));
}

static void a_new_program_is_told(void)
{
    pid_t pid = tracee_start(exec_self, "exit", PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD);
    unsigned long message;

    tracee_find_call(pid, SYS_execve);
    CHECK_OK(trace(PTRACE_SYSCALL, pid, 0, 0));
    CHECK_EQ(tracee_next_stop(pid), EVENT(PTRACE_EVENT_EXEC, SIGTRAP));
    CHECK_OK(trace(PTRACE_GETEVENTMSG, pid, 0, (uintptr_t)&message));
    CHECK_EQ(message, pid);
    tracee_next_call(pid); /* the end of execve, which is still the same call */
    CHECK_EQ(tracee_call_info(pid, EXIT_LEN).exit.rval, 0);
    struct user_regs_struct regs;
    CHECK_OK(trace(PTRACE_GETREGS, pid, 0, (uintptr_t)&regs));
    CHECK_EQ(regs.orig_rax, SYS_execve);
    tracee_continue(pid);
    CHECK(exited_with(wait_child(pid), 42));

    pid = tracee_start(exec_self, "exit", 0);
    tracee_continue(pid);
    CHECK_EQ(tracee_next_stop(pid), SIGTRAP); /* a signal like others */
    tracee_continue(pid);
    CHECK(exited_with(wait_child(pid), 42));
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return 42; /* when a case executes this program */
    RUN(both_ends_of_a_call_are_seen);
    RUN(a_sleeping_process_is_seized_and_interrupted);
    RUN(children_are_traced_too);
    RUN(a_vfork_is_not_cut_short);
    RUN(clones_are_told_apart);
    RUN(a_new_program_is_told);
    return test_end();
}
