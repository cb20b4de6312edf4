/* ptrace: a tracee is stopped and continued by signals, as any job is. */
#include "tracee.h"

static void a_job_is_stopped_under_its_tracer(void)
{
    pid_t pid = start_child(wait_for_ever, NULL);

    CHECK_OK(trace(PTRACE_SEIZE, pid, 0, 0));
    CHECK_ERR(ESRCH, trace(PTRACE_LISTEN, pid, 0, 0));
    CHECK_OK(kill(pid, SIGTSTP));
    CHECK_EQ(tracee_next_stop(pid), SIGTSTP);
    CHECK_ERR(EIO, trace(PTRACE_LISTEN, pid, 0, 0));
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGTSTP));
    /* The terminal's signals do not stop an orphaned group. */
    CHECK_OK(kill(pid, SIGSTOP));
    int stop = tracee_next_stop(pid);
    if (stop == EVENT(PTRACE_EVENT_STOP, SIGTSTP)) {
        tracee_continue(pid);
        stop = tracee_next_stop(pid);
    }
    CHECK_EQ(stop, SIGSTOP);
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGSTOP));
    CHECK_EQ(tracee_next_stop(pid), EVENT(PTRACE_EVENT_STOP, SIGSTOP));
    CHECK_OK(trace(PTRACE_LISTEN, pid, 0, 0)); /* it stays stopped */
    CHECK_ERR(ESRCH, trace(PTRACE_CONT, pid, 0, 0));
    CHECK_OK(trace(PTRACE_INTERRUPT, pid, 0, 0));
    CHECK_EQ(tracee_next_stop(pid), EVENT(PTRACE_EVENT_STOP, SIGSTOP));
    tracee_continue(pid); /* the tracer overrules it */
    CHECK_OK(kill(pid, SIGUSR1));
    CHECK_EQ(tracee_next_stop(pid), SIGUSR1);
    CHECK_OK(trace(PTRACE_DETACH, pid, 0, SIGUSR1));
    CHECK(killed_by(wait_child(pid), SIGUSR1));
}

/* A SIGCONT cancels a stop that the tracer is about to pass on. */
static void a_continuation_overtakes_a_stop(void)
{
    pid_t pid = tracee_start(wait_for_ever, NULL, 0); /* it has just taken a SIGSTOP */

    CHECK_OK(kill(pid, SIGCONT));
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGSTOP));
    CHECK_EQ(tracee_next_stop(pid), SIGCONT);
    tracee_kill(pid);
}

static void what_is_detached_in_a_stop_stays_stopped(void)
{
    pid_t pid = start_child(wait_for_ever, NULL);
    int status;

    CHECK_OK(trace(PTRACE_SEIZE, pid, 0, 0));
    CHECK_OK(kill(pid, SIGSTOP));
    CHECK_EQ(tracee_next_stop(pid), SIGSTOP);
    CHECK_OK(trace(PTRACE_DETACH, pid, 0, SIGSTOP));
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK_OK(kill(pid, SIGCONT));
    CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
    CHECK(WIFCONTINUED(status));
    tracee_kill(pid);
}

/* A tracer that has seized a process sees a SIGCONT first as a stop of its own and then as a
   signal, whether the process was stopped or not. */
static void a_tracer_that_seized_hears_of_sigcont_twice(void)
{
    pid_t pid = start_child(wait_for_ever, NULL);

    CHECK_OK(trace(PTRACE_SEIZE, pid, 0, 0));
    CHECK_OK(kill(pid, SIGCONT));
    CHECK_EQ(tracee_next_stop(pid), EVENT(PTRACE_EVENT_STOP, SIGTRAP));
    tracee_continue(pid);
    CHECK_EQ(tracee_next_stop(pid), SIGCONT);
    tracee_continue(pid);
    CHECK_OK(kill(pid, SIGSTOP));
    CHECK_EQ(tracee_next_stop(pid), SIGSTOP);
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGSTOP));
    CHECK_EQ(tracee_next_stop(pid), EVENT(PTRACE_EVENT_STOP, SIGSTOP));
    CHECK_OK(trace(PTRACE_LISTEN, pid, 0, 0));
    CHECK_OK(kill(pid, SIGCONT));
    CHECK_EQ(tracee_next_stop(pid), EVENT(PTRACE_EVENT_STOP, SIGTRAP));
    tracee_continue(pid);
    CHECK_EQ(tracee_next_stop(pid), SIGCONT);
    tracee_kill(pid);
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

/* The stop of a SIGCONT comes behind the stops of the call that sends it, and also when the signal
   itself is blocked. */
static void a_sigcont_is_told_behind_other_stops(void)
{
    pid_t pid = start_child(continue_itself, NULL);
    int status, stop, traps = 0;

    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK_OK(trace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD));
    CHECK_EQ(tracee_next_stop(pid), EVENT(PTRACE_EVENT_STOP, SIGSTOP));
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

/* A tracer cannot let a tracee run at an address that is not canonical. Some CPUs fault before the
   jump; then there is nothing to suppress. */
static void a_jump_to_no_address_cannot_be_suppressed(void)
{
    pid_t pid = tracee_start(call_code, (void *)(1ul << 63), 0);

    for (int n = 0; n < 3; n++) {
        tracee_continue(pid);
        CHECK_EQ(tracee_next_stop(pid), SIGSEGV);
    }
    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGSEGV));
    CHECK(killed_by(wait_child(pid), SIGSEGV));
}

/* A tracer that seizes a stopped process is told of the stop at once. */
static void a_stopped_process_is_seized(void)
{
    pid_t pid = start_child(wait_for_ever, NULL);
    int status;

    CHECK_OK(kill(pid, SIGSTOP));
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK_OK(trace(PTRACE_SEIZE, pid, 0, 0));
    CHECK_EQ(tracee_next_stop(pid), EVENT(PTRACE_EVENT_STOP, SIGSTOP));
    CHECK_OK(trace(PTRACE_DETACH, pid, 0, 0));
    tracee_kill(pid);
}

/* The parent, as the tracer, has been told of the stop. After it detaches, it is told again. */
static void a_parent_that_detaches_hears_of_the_stop(void)
{
    pid_t pid = tracee_start(wait_for_ever, NULL, 0);
    int status;

    CHECK_OK(trace(PTRACE_CONT, pid, 0, SIGSTOP));
    CHECK_EQ(tracee_next_stop(pid), SIGSTOP);
    CHECK_OK(trace(PTRACE_DETACH, pid, 0, 0));
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    tracee_kill(pid);
}

int main(void)
{
    RUN(a_job_is_stopped_under_its_tracer);
    RUN(a_continuation_overtakes_a_stop);
    RUN(what_is_detached_in_a_stop_stays_stopped);
    RUN(a_tracer_that_seized_hears_of_sigcont_twice);
    RUN(a_sigcont_is_told_behind_other_stops);
    RUN(a_jump_to_no_address_cannot_be_suppressed);
    RUN(a_stopped_process_is_seized);
    RUN(a_parent_that_detaches_hears_of_the_stop);
    return test_end();
}
