/* ptrace: the events of the end of a task and of the end of a vfork. */
#include "tracee.h"

#include <pthread.h>

static unsigned long message_of(pid_t pid)
{
    unsigned long message = 0;

    CHECK_OK(trace(PTRACE_GETEVENTMSG, pid, 0, (uintptr_t)&message));
    return message;
}

static void leave_with_9(void *unused)
{
    (void)unused;
    _exit(9);
}

static void raise_term(void *unused)
{
    (void)unused;
    raise(SIGTERM);
}

static void the_end_is_an_event(void)
{
    pid_t pid = tracee_start(leave_with_9, NULL, PTRACE_O_TRACEEXIT);

    tracee_continue(pid);
    CHECK_EQ(tracee_next_stop(pid), EVENT(PTRACE_EVENT_EXIT, SIGTRAP));
    CHECK_EQ(message_of(pid), 9 << 8);
    tracee_continue(pid);
    CHECK(exited_with(wait_child(pid), 9));
}

static void the_end_by_a_signal_is_an_event(void)
{
    pid_t pid = tracee_start(raise_term, NULL, PTRACE_O_TRACEEXIT);

    tracee_continue(pid);
    CHECK_EQ(tracee_next_stop(pid), SIGTERM);
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGTERM));
    CHECK_EQ(tracee_next_stop(pid), EVENT(PTRACE_EVENT_EXIT, SIGTRAP));
    CHECK_EQ(message_of(pid), SIGTERM);
    tracee_continue(pid);
    CHECK(killed_by(wait_child(pid), SIGTERM));
}

static void without_the_option_the_end_is_no_event(void)
{
    pid_t pid = tracee_start(leave_with_9, NULL, 0);

    tracee_continue(pid);
    CHECK(exited_with(wait_child(pid), 9));
}

/* On Linux such a tracee goes on only when its tracer lets it. */
static void a_tracee_that_ends_can_be_killed(void)
{
    pid_t pid = tracee_start(leave_with_9, NULL, PTRACE_O_TRACEEXIT);

    tracee_continue(pid);
    CHECK_EQ(tracee_next_stop(pid), EVENT(PTRACE_EVENT_EXIT, SIGTRAP));
    CHECK_OK(kill(pid, SIGKILL));
    int status = wait_child(pid);
    CHECK(WIFEXITED(status) || WIFSIGNALED(status));
}

static void *return_at_once(void *arg)
{
    return arg;
}

static void have_a_thread(void *unused)
{
    pthread_t thread;

    (void)unused;
    CHECK_EQ(pthread_create(&thread, NULL, return_at_once, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    _exit(9);
}

/* The thread is not traced, so only the end of the leader is an event. */
static void the_end_of_a_thread_is_its_own(void)
{
    pid_t pid = tracee_start(have_a_thread, NULL, PTRACE_O_TRACEEXIT);

    tracee_continue(pid);
    CHECK_EQ(tracee_next_stop(pid), EVENT(PTRACE_EVENT_EXIT, SIGTRAP));
    tracee_continue(pid);
    CHECK(exited_with(wait_child(pid), 9));
}

static void vfork_once(void *unused)
{
    (void)unused;
    pid_t pid = vfork();
    if (pid == 0)
        _exit(3);
    _exit(exited_with(wait_child(pid), 3) ? 9 : 1);
}

static void the_end_of_a_vfork_is_an_event(void)
{
    pid_t pid = tracee_start(vfork_once, NULL, PTRACE_O_TRACEVFORKDONE);

    tracee_continue(pid);
    CHECK_EQ(tracee_next_stop(pid), EVENT(PTRACE_EVENT_VFORK_DONE, SIGTRAP));
    CHECK(message_of(pid) > 1);
    tracee_continue(pid);
    int status = wait_child(pid);
    while (WIFSTOPPED(status) && WSTOPSIG(status) == SIGCHLD) {
        tracee_continue(pid);
        status = wait_child(pid);
    }
    CHECK(exited_with(status, 9));
}

int main(void)
{
    RUN(the_end_is_an_event);
    RUN(the_end_by_a_signal_is_an_event);
    RUN(without_the_option_the_end_is_no_event);
    RUN_ON_PAGODA(a_tracee_that_ends_can_be_killed);
    RUN(the_end_of_a_thread_is_its_own);
    RUN(the_end_of_a_vfork_is_an_event);
    return test_end();
}
