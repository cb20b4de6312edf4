/* The harness: children, their wait statuses, and gates. See test.h. */
#include "test.h"

#include <sched.h>

pid_t start_child(void (*body)(void *), void *arg)
{
    pid_t pid = CHECK_OK(fork());

    if (pid == 0) {
        body(arg);
        _exit(0);
    }
    return pid;
}

int wait_child(pid_t pid)
{
    int status = 0;

    CHECK_EQ(CHECK_OK(waitpid(pid, &status, 0)), pid);
    return status;
}

int in_child(void (*body)(void *), void *arg)
{
    return wait_child(start_child(body, arg));
}

const char *signal_name(int signal)
{
    static const char *const names[] = {
        [SIGHUP] = "SIGHUP",   [SIGINT] = "SIGINT",   [SIGQUIT] = "SIGQUIT", [SIGILL] = "SIGILL",
        [SIGTRAP] = "SIGTRAP", [SIGABRT] = "SIGABRT", [SIGBUS] = "SIGBUS",   [SIGFPE] = "SIGFPE",
        [SIGKILL] = "SIGKILL", [SIGUSR1] = "SIGUSR1", [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",
        [SIGPIPE] = "SIGPIPE", [SIGALRM] = "SIGALRM", [SIGTERM] = "SIGTERM",
    };
    bool is_known = signal > 0 && signal < (int)ARRAY_SIZE(names) && names[signal];

    return is_known ? names[signal] : "another signal";
}

static void note_status(const char *expected, int value, int status)
{
    if (WIFEXITED(status))
        note("%s: expected %s %d, and it exited with %d", test_case_name(), expected, value,
             WEXITSTATUS(status));
    else
        note("%s: expected %s %d, and it was killed by %d (%s)", test_case_name(), expected, value,
             WTERMSIG(status), signal_name(WTERMSIG(status)));
}

bool exited_with(int status, int code)
{
    bool is_so = WIFEXITED(status) && WEXITSTATUS(status) == code;

    if (!is_so)
        note_status("exit status", code, status);
    return is_so;
}

bool killed_by(int status, int signal)
{
    bool is_so = WIFSIGNALED(status) && WTERMSIG(status) == signal;

    if (!is_so)
        note_status("death by signal", signal, status);
    return is_so;
}

bool exits_with(int code, void (*body)(void *), void *arg)
{
    return exited_with(in_child(body, arg), code);
}

bool dies_by(int signal, void (*body)(void *), void *arg)
{
    return killed_by(in_child(body, arg), signal);
}

void read_byte(void *address)
{
    peek(address);
}

void write_byte(void *address)
{
    poke(address, 1);
}

void call_code(void *code)
{
    ((void (*)(void))(uintptr_t)code)();
}

void do_nothing(void *unused)
{
    (void)unused;
}

void wait_for_ever(void *unused)
{
    struct gate never_opened = gate_make();

    (void)unused;
    gate_pass(&never_opened);
}

/* Writes a number so that it ends before `end`. Returns its first digit. printf would take new
   pages of the stack. */
static char *digits_before(char *end, unsigned number)
{
    do
        *--end = '0' + number % 10;
    while (number /= 10);
    return end;
}

char process_state(pid_t pid)
{
    static char text[512];
    char path[32] = "/proc/", number[12] = {0};

    strcat(strcat(path, digits_before(number + sizeof(number) - 1, pid)), "/stat");
    int fd = CHECK_OK(open(path, O_RDONLY));
    ssize_t len = CHECK_OK(read(fd, text, sizeof(text) - 1));
    CHECK_OK(close(fd));
    text[len] = '\0';
    return strrchr(text, ')')[2];
}

void await_state(pid_t pid, char state)
{
    while (process_state(pid) != state)
        sched_yield();
}

struct gate gate_make(void)
{
    struct gate gate;

    make_pipe(gate.fds);
    return gate;
}

void gate_open(const struct gate *gate)
{
    CHECK_EQ(CHECK_OK(write(gate->fds[1], "", 1)), 1);
}

void gate_pass(const struct gate *gate)
{
    char byte;

    CHECK_EQ(CHECK_OK(read(gate->fds[0], &byte, 1)), 1);
}

void gate_destroy(const struct gate *gate)
{
    CHECK_OK(close(gate->fds[0]));
    CHECK_OK(close(gate->fds[1]));
}

void hold_child(struct held_child *child, void (*body)(void *), void *arg)
{
    child->arrived = gate_make();
    child->released = gate_make();
    child->pid = CHECK_OK(fork());
    if (child->pid == 0) {
        gate_open(&child->arrived);
        gate_pass(&child->released);
        body(arg);
        _exit(0);
    }
    gate_pass(&child->arrived);
    await_state(child->pid, 'S');
}

int release_child(struct held_child *child)
{
    gate_open(&child->released);
    int status = wait_child(child->pid);
    gate_destroy(&child->arrived);
    gate_destroy(&child->released);
    return status;
}
