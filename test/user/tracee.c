/* See tracee.h. */
#include "tracee.h"

#include <sys/uio.h>

long trace(long request, pid_t pid, uintptr_t address, uintptr_t data)
{
    return syscall(SYS_ptrace, request, pid, address, data);
}

int tracee_next_stop(pid_t pid)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, __WALL), pid);
    if (!WIFSTOPPED(status))
        test_fail(__FILE__, __LINE__, "no stop, but status %#x", status);
    return status >> 8;
}

void tracee_continue(pid_t pid)
{
    CHECK_OK(trace(PTRACE_CONT, pid, 0, 0));
}

void tracee_kill(pid_t pid)
{
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
}

/* The body of a child that its parent traces, and its argument. */
struct traced_body {
    void (*body)(void *);
    void *arg;
};

void be_traced(void *arg)
{
    const struct traced_body *traced = arg;

    CHECK_OK(trace(PTRACE_TRACEME, 0, 0, 0));
    CHECK_OK(raise(SIGSTOP));
    traced->body(traced->arg);
}

pid_t tracee_start(void (*body)(void *), void *arg, long options)
{
    struct traced_body traced = {body, arg};
    pid_t pid = start_child(be_traced, &traced);

    CHECK_EQ(tracee_next_stop(pid), SIGSTOP);
    CHECK_OK(trace(PTRACE_SETOPTIONS, pid, 0, options));
    return pid;
}

struct __ptrace_syscall_info tracee_call_info(pid_t pid, long expected_len)
{
    struct __ptrace_syscall_info info;

    memset(&info, 0xee, sizeof(info));
    CHECK_EQ(CHECK_OK(trace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), (uintptr_t)&info)),
             expected_len);
    return info;
}

void tracee_next_call(pid_t pid)
{
    CHECK_OK(trace(PTRACE_SYSCALL, pid, 0, 0));
    CHECK_EQ(tracee_next_stop(pid), SYSGOOD);
}

/* Up to the entry of the call. */
void tracee_find_call(pid_t pid, long number)
{
    for (;;) {
        tracee_next_call(pid);
        if (tracee_call_info(pid, ENTRY_LEN).entry.nr == (uint64_t)number)
            return;
        tracee_next_call(pid);
    }
}

ssize_t read_from(pid_t pid, void *to, const void *from, size_t len)
{
    struct iovec local = {to, len}, remote = {(void *)from, len};

    return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

void read_byte_of_pipe(void *fd)
{
    char byte;

    CHECK_EQ(read((int)(intptr_t)fd, &byte, 1), 1);
    CHECK_EQ(byte, 'x');
}

void exec_self(void *what)
{
    execl(self_path(), self_path(), what, (char *)NULL);
}
