/* ptrace: the tracees are threads of one process, which the tracer follows one by one.

   The process of a case is a team: a leader and MEMBERS other threads, each of which does what it
   reads from a pipe of its own. */
#include "tracee.h"

#include <pthread.h>

#define MEMBERS 3
#define TASKS   (MEMBERS + 1) /* with the leader, which is number 0 */

/* What a thread of the team is told to do. */
enum order {
    ANSWER = 'a',  /* write a byte */
    END = 'e',     /* end itself, with status 3 */
    END_ALL = 'E', /* end the process, with status 7 */
    EXEC = 'x',    /* run this program again, which exits with 42 */
    ADD = '+',     /* start a thread, which ends with status 5 */
};

struct team {
    pid_t pid;
    pid_t tids[TASKS];
    int orders[TASKS][2];
    int answers[2];
};

struct member {
    const struct team *team;
    int number;
};

/* What a thread tells of itself. */
struct answer {
    int number;
    pid_t tid;
};

static void answer(const struct member *self)
{
    struct answer answer = {self->number, syscall(SYS_gettid)};

    CHECK_EQ(write(self->team->answers[1], &answer, sizeof(answer)), sizeof(answer));
}

static void *end_with_5(void *unused)
{
    syscall(SYS_exit, 5);
    return unused;
}

static void obey(const struct member *self, enum order order)
{
    pthread_t thread;

    switch (order) {
    case ANSWER:
        answer(self);
        return;
    case END:
        syscall(SYS_exit, 3);
        return;
    case END_ALL:
        _exit(7);
    case EXEC:
        exec_self("exit");
        return;
    case ADD:
        CHECK_EQ(pthread_create(&thread, NULL, end_with_5, NULL), 0);
        return;
    }
}

/* The life of each thread: it tells its number, and obeys. */
static void *serve(void *arg)
{
    const struct member *self = arg;
    char order;

    answer(self);
    while (read(self->team->orders[self->number][0], &order, 1) == 1)
        obey(self, order);
    return NULL;
}

static void lead(void *arg)
{
    struct member members[TASKS];
    pthread_t thread;

    for (int n = 0; n < TASKS; n++)
        members[n] = (struct member){arg, n};
    for (int n = 1; n < TASKS; n++)
        CHECK_EQ(pthread_create(&thread, NULL, serve, &members[n]), 0);
    serve(&members[0]);
    wait_for_ever(NULL);
}

static void await_answer(struct team *team)
{
    struct answer answer;

    CHECK_EQ(read(team->answers[0], &answer, sizeof(answer)), sizeof(answer));
    team->tids[answer.number] = answer.tid;
}

static struct team *team_start(void)
{
    static struct team the_team; /* one at a time */
    struct team *team = &the_team;

    make_pipe(team->answers);
    for (int n = 0; n < TASKS; n++)
        make_pipe(team->orders[n]);
    team->pid = start_child(lead, team);
    for (int n = 0; n < TASKS; n++)
        await_answer(team);
    CHECK_EQ(team->tids[0], team->pid);
    return team;
}

static void team_order(const struct team *team, int number, enum order order)
{
    const char byte = order;

    CHECK_EQ(write(team->orders[number][1], &byte, 1), 1);
}

static void team_seize(const struct team *team, long options)
{
    for (int n = 0; n < TASKS; n++)
        CHECK_OK(trace(PTRACE_SEIZE, team->tids[n], 0, options));
}

/* Frees what the case has used. The team has ended. */
static void team_destroy(const struct team *team)
{
    for (int n = 0; n < TASKS; n++) {
        close(team->orders[n][0]);
        close(team->orders[n][1]);
    }
    close(team->answers[0]);
    close(team->answers[1]);
}

/* Waits for the end of a task. Returns its status. */
static int end_of(pid_t tid)
{
    int status;

    CHECK_EQ(waitpid(tid, &status, __WALL), tid);
    return status;
}

static void team_kill(const struct team *team)
{
    CHECK_OK(kill(team->pid, SIGKILL));
    CHECK(killed_by(end_of(team->pid), SIGKILL));
    team_destroy(team);
}

/* Stops the task by an interrupt. */
static void interrupt(pid_t tid)
{
    CHECK_OK(trace(PTRACE_INTERRUPT, tid, 0, 0));
    CHECK_EQ(tracee_next_stop(tid), EVENT(PTRACE_EVENT_STOP, SIGTRAP));
}

static pid_t message_of(pid_t tid)
{
    unsigned long message;

    CHECK_OK(trace(PTRACE_GETEVENTMSG, tid, 0, (uintptr_t)&message));
    return message;
}

/* ---- Birth, stops and end ---- */

static void a_new_thread_is_traced_from_its_birth(void)
{
    struct team *team = team_start();
    int status;

    CHECK_OK(trace(PTRACE_SEIZE, team->tids[1], 0, PTRACE_O_TRACECLONE));
    team_order(team, 1, ADD);
    CHECK_EQ(tracee_next_stop(team->tids[1]), EVENT(PTRACE_EVENT_CLONE, SIGTRAP));
    pid_t tid = message_of(team->tids[1]);
    CHECK(tid > 0 && tid != team->pid);
    CHECK_EQ(tracee_next_stop(tid), EVENT(PTRACE_EVENT_STOP, SIGTRAP));
    tracee_continue(tid);
    CHECK(exited_with(end_of(tid), 5));
    CHECK_ERR(ECHILD, waitpid(tid, &status, __WALL));
    CHECK_ERR(ESRCH, trace(PTRACE_CONT, tid, 0, 0));
    tracee_continue(team->tids[1]);
    team_order(team, 1, ANSWER);
    await_answer(team);
    CHECK_OK(kill(team->pid, SIGKILL));
    CHECK(killed_by(end_of(team->tids[1]), SIGKILL));
    CHECK(killed_by(end_of(team->pid), SIGKILL));
    team_destroy(team);
}

static void a_stop_holds_one_thread_only(void)
{
    struct team *team = team_start();

    CHECK_OK(trace(PTRACE_SEIZE, team->tids[1], 0, 0));
    CHECK_ERR(EPERM, trace(PTRACE_SEIZE, team->tids[1], 0, 0));
    CHECK_ERR(ESRCH, trace(PTRACE_INTERRUPT, team->tids[2], 0, 0));
    interrupt(team->tids[1]);
    for (int n = 0; n < TASKS; n++)
        team_order(team, n, ANSWER);
    for (int n = 0; n < MEMBERS; n++) /* all but the one that is held */
        await_answer(team);
    tracee_continue(team->tids[1]);
    await_answer(team);
    interrupt(team->tids[1]);
    CHECK_OK(trace(PTRACE_DETACH, team->tids[1], 0, 0));
    team_order(team, 1, ANSWER);
    await_answer(team);
    team_kill(team);
}

static void a_thread_is_attached_to(void)
{
    struct team *team = team_start();

    CHECK_OK(trace(PTRACE_ATTACH, team->tids[2], 0, 0));
    CHECK_EQ(tracee_next_stop(team->tids[2]), SIGSTOP);
    CHECK_ERR(EPERM, trace(PTRACE_ATTACH, team->tids[2], 0, 0));
    CHECK_ERR(EIO, trace(PTRACE_INTERRUPT, team->tids[2], 0, 0));
    team_order(team, 1, ANSWER); /* SIGSTOP has stopped no other */
    await_answer(team);
    CHECK_OK(trace(PTRACE_DETACH, team->tids[2], 0, 0));
    team_order(team, 2, ANSWER);
    await_answer(team);
    CHECK_ERR(ESRCH, trace(PTRACE_ATTACH, 4194303, 0, 0));
    CHECK_ERR(EPERM, trace(PTRACE_ATTACH, getpid(), 0, 0));
    team_kill(team);
}

static void the_end_of_a_thread_is_told_to_its_tracer(void)
{
    struct team *team = team_start();
    siginfo_t info = {0};

    CHECK_OK(trace(PTRACE_SEIZE, team->tids[1], 0, 0));
    team_order(team, 1, END);
    CHECK_OK(waitid(P_PID, team->tids[1], &info, WEXITED | WNOWAIT | __WALL));
    CHECK_EQ(info.si_pid, team->tids[1]);
    CHECK_EQ(info.si_code, CLD_EXITED);
    CHECK_EQ(info.si_status, 3);
    CHECK_ERR(ESRCH, trace(PTRACE_CONT, team->tids[1], 0, 0));
    CHECK_ERR(EPERM, trace(PTRACE_SEIZE, team->tids[1], 0, 0));
    CHECK(exited_with(end_of(team->tids[1]), 3));
    CHECK_ERR(ECHILD, waitid(P_PID, team->tids[1], &info, WEXITED | __WALL));
    team_order(team, 2, END); /* nobody is told of this one */
    team_kill(team);
}

/* The end of the process is told behind those of its traced threads, whoever is told. */
static void a_process_is_reaped_behind_its_traced_threads(void)
{
    struct team *team = team_start();
    int status;

    CHECK_OK(trace(PTRACE_SEIZE, team->tids[1], 0, 0));
    CHECK_OK(trace(PTRACE_SEIZE, team->tids[2], 0, 0));
    team_order(team, 3, END_ALL);
    CHECK(exited_with(end_of(team->tids[2]), 7));
    CHECK_EQ(waitpid(team->pid, &status, WNOHANG), 0);
    CHECK(exited_with(end_of(team->tids[1]), 7));
    CHECK(exited_with(end_of(team->pid), 7));
    team_destroy(team);
}

static void the_end_of_a_leader_is_told_last(void)
{
    struct team *team = team_start();
    int status;

    team_seize(team, 0);
    team_order(team, 0, END);
    for (int n = 1; n < TASKS; n++) {
        team_order(team, n, END);
        CHECK_EQ(waitpid(team->pid, &status, WNOHANG | __WALL), 0);
        CHECK(exited_with(end_of(team->tids[n]), 3));
    }
    CHECK(exited_with(end_of(team->pid), 3));
    team_destroy(team);
}

static void sigkill_ends_all_threads_that_are_stopped(void)
{
    struct team *team = team_start();

    team_seize(team, PTRACE_O_TRACESYSGOOD);
    for (int n = 0; n < TASKS; n++)
        interrupt(team->tids[n]);
    CHECK_OK(kill(team->pid, SIGKILL));
    for (int n = TASKS - 1; n >= 0; n--)
        CHECK(killed_by(end_of(team->tids[n]), SIGKILL));
    team_destroy(team);
}

/* ---- Job stops ---- */

/* Stops the team, all of which is traced. The thread `first` takes the signal. */
static void team_stop(const struct team *team, int first)
{
    CHECK_OK(syscall(SYS_tgkill, team->pid, team->tids[first], SIGSTOP));
    CHECK_EQ(tracee_next_stop(team->tids[first]), SIGSTOP);
    CHECK_OK(trace(PTRACE_CONT, team->tids[first], 0, SIGSTOP));
    for (int n = 0; n < TASKS; n++)
        CHECK_EQ(tracee_next_stop(team->tids[n]), EVENT(PTRACE_EVENT_STOP, SIGSTOP));
}

/* Every thread stops for its tracer, and goes on by a SIGCONT, of which each tells too. */
static void a_job_stop_stops_every_thread(void)
{
    struct team *team = team_start();

    team_seize(team, 0);
    for (int first = 0; first < TASKS; first++) {
        team_stop(team, first);
        for (int n = 0; n < TASKS; n++)
            CHECK_OK(trace(PTRACE_LISTEN, team->tids[n], 0, 0));
        CHECK_OK(syscall(SYS_tgkill, team->pid, team->tids[first], SIGCONT));
        for (int n = 0; n < TASKS; n++) {
            CHECK_EQ(tracee_next_stop(team->tids[n]), EVENT(PTRACE_EVENT_STOP, SIGTRAP));
            tracee_continue(team->tids[n]);
        }
        CHECK_EQ(tracee_next_stop(team->tids[first]), SIGCONT);
        tracee_continue(team->tids[first]);
        for (int n = 0; n < TASKS; n++)
            team_order(team, n, ANSWER);
        for (int n = 0; n < TASKS; n++)
            await_answer(team);
    }
    CHECK_OK(kill(team->pid, SIGKILL));
    for (int n = TASKS - 1; n >= 0; n--)
        CHECK(killed_by(end_of(team->tids[n]), SIGKILL));
    team_destroy(team);
}

/* A tracer that continues one thread of a stopped process leaves the others stopped. The thread
   stops again by the next stop signal. */
static void one_thread_runs_in_spite_of_a_job_stop(void)
{
    struct team *team = team_start();
    int status;

    team_seize(team, 0);
    team_stop(team, 2);
    for (int n = 0; n < TASKS; n++)
        team_order(team, n, ANSWER);
    tracee_continue(team->tids[1]);
    await_answer(team);
    CHECK_EQ(waitpid(-1, &status, WNOHANG | __WALL), 0);

    CHECK_OK(syscall(SYS_tgkill, team->pid, team->tids[1], SIGUSR1)); /* it takes signals */
    CHECK_EQ(tracee_next_stop(team->tids[1]), SIGUSR1);
    tracee_continue(team->tids[1]);
    team_order(team, 1, ANSWER);
    await_answer(team);

    CHECK_OK(syscall(SYS_tgkill, team->pid, team->tids[1], SIGSTOP));
    CHECK_EQ(tracee_next_stop(team->tids[1]), SIGSTOP);
    CHECK_OK(trace(PTRACE_CONT, team->tids[1], 0, SIGSTOP));
    CHECK_EQ(tracee_next_stop(team->tids[1]), EVENT(PTRACE_EVENT_STOP, SIGSTOP));
    for (int n = 0; n < TASKS; n++) { /* the others, which were held, stop again too */
        tracee_continue(team->tids[n]);
        if (n != 1) {
            CHECK_EQ(tracee_next_stop(team->tids[n]), EVENT(PTRACE_EVENT_STOP, SIGSTOP));
            tracee_continue(team->tids[n]);
        }
    }
    for (int n = 0; n < MEMBERS; n++)
        await_answer(team);
    CHECK_OK(kill(team->pid, SIGKILL));
    for (int n = TASKS - 1; n >= 0; n--)
        CHECK(killed_by(end_of(team->tids[n]), SIGKILL));
    team_destroy(team);
}

/* A job stop that begins while a tracer holds a thread is complete, and told to the parent, when
   that thread has stopped as well. */
static void hold_during_a_stop(void *arg)
{
    const struct team *team = arg;

    CHECK_OK(trace(PTRACE_SEIZE, team->tids[1], 0, 0));
    interrupt(team->tids[1]);
    CHECK_OK(kill(team->pid, SIGSTOP));
    tracee_continue(team->tids[1]);
    int stop = tracee_next_stop(team->tids[1]);
    if (stop == SIGSTOP) { /* it has taken the signal itself */
        CHECK_OK(trace(PTRACE_CONT, team->tids[1], 0, SIGSTOP));
        stop = tracee_next_stop(team->tids[1]);
    }
    CHECK_EQ(stop, EVENT(PTRACE_EVENT_STOP, SIGSTOP));
    CHECK_OK(trace(PTRACE_DETACH, team->tids[1], 0, 0));
}

static void a_parent_hears_once_of_a_job_stop(void)
{
    struct team *team = team_start();
    int status;

    for (int n = 0; n < 3; n++) {
        CHECK(exits_with(0, hold_during_a_stop, team));
        CHECK_EQ(waitpid(team->pid, &status, WUNTRACED), team->pid);
        CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
        CHECK_EQ(waitpid(team->pid, &status, WUNTRACED | WNOHANG), 0);
        CHECK_OK(kill(team->pid, SIGCONT));
        CHECK_EQ(waitpid(team->pid, &status, WCONTINUED), team->pid);
        CHECK(WIFCONTINUED(status));
        CHECK_EQ(waitpid(team->pid, &status, WCONTINUED | WUNTRACED | WNOHANG), 0);
    }
    team_kill(team);
}

/* ---- exec ---- */

/* The thread that runs a program takes the number of the leader, of which nothing more is told. */
static void exec_in(int number)
{
    struct team *team = team_start();
    int status;

    team_seize(team, PTRACE_O_TRACEEXEC);
    team_order(team, number, EXEC);
    for (int n = 1; n < TASKS; n++)
        if (n != number)
            CHECK(exited_with(end_of(team->tids[n]), 0));
    CHECK_EQ(tracee_next_stop(team->pid), EVENT(PTRACE_EVENT_EXEC, SIGTRAP));
    CHECK_EQ(message_of(team->pid), team->tids[number]);
    if (number) {
        CHECK_ERR(ESRCH, trace(PTRACE_CONT, team->tids[number], 0, 0));
        CHECK_ERR(ECHILD, waitpid(team->tids[number], &status, __WALL));
    }
    tracee_continue(team->pid);
    CHECK(exited_with(end_of(team->pid), 42));
    team_destroy(team);
}

/* A tracer of the leader alone, which waits for any child, learns that nothing more will come. */
static void wait_for_a_leader_in_vain(void *arg)
{
    const struct team *team = arg;
    int status;

    CHECK_OK(trace(PTRACE_SEIZE, team->pid, 0, 0));
    team_order(team, 2, EXEC);
    CHECK_ERR(ECHILD, waitpid(-1, &status, __WALL));
}

static void exec_takes_a_leader_from_its_tracer(void)
{
    struct team *team = team_start();

    CHECK(exits_with(0, wait_for_a_leader_in_vain, team));
    CHECK(exited_with(end_of(team->pid), 42));
    team_destroy(team);
}

static void exec_of_a_thread_is_followed(void)
{
    exec_in(1);
    exec_in(0);
    exec_in(MEMBERS);
}

/* ---- The end of the tracer ---- */

static void trace_all_and_leave(void *arg)
{
    const struct team *team = arg;

    team_seize(team, 0);
    interrupt(team->tids[1]);
    team_order(team, 2, END); /* it becomes a zombie that nobody waits for */
    int status;
    siginfo_t info;
    CHECK_OK(waitid(P_PID, team->tids[2], &info, WEXITED | WNOWAIT | __WALL));
    CHECK_EQ(waitpid(-1, &status, WNOHANG), team->tids[2]);
}

static void trace_all_and_let_them_die(void *arg)
{
    const struct team *team = arg;
    siginfo_t info;

    team_seize(team, 0);
    team_order(team, 3, END_ALL);
    CHECK_OK(waitid(P_PID, team->tids[1], &info, WEXITED | WNOWAIT | __WALL));
    CHECK_OK(waitid(P_PID, team->tids[2], &info, WEXITED | WNOWAIT | __WALL));
}

static void a_tracer_that_ends_lets_threads_go(void)
{
    struct team *team = team_start();

    CHECK(exits_with(0, trace_all_and_leave, team));
    for (int n = 0; n < TASKS; n++)
        if (n != 2)
            team_order(team, n, ANSWER);
    for (int n = 0; n < TASKS - 1; n++)
        await_answer(team);
    team_kill(team);

    team = team_start();
    CHECK(exits_with(0, trace_all_and_let_them_die, team));
    CHECK(exited_with(end_of(team->pid), 7));
    team_destroy(team);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return 42; /* when a case executes this program */
    RUN(a_new_thread_is_traced_from_its_birth);
    RUN(a_stop_holds_one_thread_only);
    RUN(a_thread_is_attached_to);
    RUN(the_end_of_a_thread_is_told_to_its_tracer);
    RUN(a_process_is_reaped_behind_its_traced_threads);
    RUN(the_end_of_a_leader_is_told_last);
    RUN(sigkill_ends_all_threads_that_are_stopped);
    RUN(a_job_stop_stops_every_thread);
    RUN(one_thread_runs_in_spite_of_a_job_stop);
    RUN(a_parent_hears_once_of_a_job_stop);
    RUN(exec_of_a_thread_is_followed);
    RUN(exec_takes_a_leader_from_its_tracer);
    RUN(a_tracer_that_ends_lets_threads_go);
    return test_end();
}
