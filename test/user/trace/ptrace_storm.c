/* ptrace under load: threads begin, end, exec, fork, and stop and continue each other, while a
   tracer follows them, detaches, ends or is late, and the process is killed. The order of things
   comes from a seed, as far as a program can choose it. */
#include "tracee.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#define ROUNDS  60
#define ACTORS  3
#define ACTIONS 100

/* ---- The tracee ---- */

static void *end_at_once(void *unused)
{
    return unused;
}

static void start_thread(void *(*body)(void *), void *arg)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 16 * KIB);
    (void)!pthread_create(&thread, &attributes, body, arg); /* may fail, when others end all */
}

static void exec_again(uint64_t seed)
{
    char number[32];

    snprintf(number, sizeof(number), "%llu", (unsigned long long)seed);
    execl(self_path(), self_path(), number, (char *)NULL);
}

static void fork_once(void)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    if (pid > 0)
        waitpid(pid, &status, 0);
}

static void act(uint64_t *seed)
{
    switch (random_below(seed, 40)) {
    case 0:
        exec_again(*seed);
        return;
    case 1:
        _exit(7);
    case 2:
        syscall(SYS_exit, 0);
        return;
    case 3:
        syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGSTOP);
        return;
    case 4 ... 8:
        kill(getpid(), SIGCONT);
        return;
    case 9 ... 11:
        fork_once();
        return;
    case 12 ... 15:
        kill(getpid(), SIGUSR1);
        return;
    case 16 ... 25:
        start_thread(end_at_once, NULL);
        return;
    default:
        sched_yield();
    }
}

static void *actor(void *arg)
{
    uint64_t seed = (uintptr_t)arg;

    for (int n = 0; n < ACTIONS; n++)
        act(&seed);
    return NULL;
}

static void storm(void *arg)
{
    uint64_t seed = (uintptr_t)arg;

    signal(SIGUSR1, SIG_IGN);
    for (uintptr_t n = 1; n <= ACTORS; n++)
        start_thread(actor, (void *)(seed + n));
    actor(arg);
    wait_for_ever(NULL);
}

/* ---- The tracer ---- */

struct watch {
    pid_t storm;
    uint64_t seed;
    const struct gate *is_begun;
};

/* Answers a stop. All requests may fail, because the tracee may be killed at any time. */
static void answer(pid_t pid, int status, uint64_t *seed)
{
    int event = status >> 16, signo = WSTOPSIG(status);
    bool is_signal = !event && signo != SYSGOOD && signo != SIGTRAP;

    if (event == PTRACE_EVENT_STOP && signo != SIGTRAP && random_below(seed, 2)) {
        trace(PTRACE_LISTEN, pid, 0, 0);
        return;
    }
    if (random_below(seed, 8) == 0)
        trace(PTRACE_INTERRUPT, pid, 0, 0);
    if (random_below(seed, 30) == 0)
        trace(PTRACE_DETACH, pid, 0, is_signal ? signo : 0);
    else
        trace(random_below(seed, 2) ? PTRACE_CONT : PTRACE_SYSCALL, pid, 0, is_signal ? signo : 0);
}

/* Traces until no tracee is left, or for some stops only. */
static void watch(void *arg)
{
    const struct watch *watch = arg;
    uint64_t seed = watch->seed;
    uint32_t left = random_below(&seed, 2) ? UINT32_MAX : random_below(&seed, 200);
    long options = PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD;
    int status;
    pid_t pid;

    options |= random_below(&seed, 2) ? PTRACE_O_TRACEEXEC : 0;
    options |= random_below(&seed, 2) ? FORKS : 0;
    options |= random_below(&seed, 4) ? 0 : PTRACE_O_EXITKILL;
    trace(PTRACE_SEIZE, watch->storm, 0, options);
    trace(PTRACE_INTERRUPT, watch->storm, 0, 0);
    gate_open(watch->is_begun);
    for (; left && (pid = waitpid(-1, &status, __WALL)) > 0; left--)
        if (WIFSTOPPED(status))
            answer(pid, status, &seed);
}

/* ---- The cases ---- */

static void run_storm(uint64_t *seed)
{
    struct gate is_begun = gate_make();
    struct watch order = {.seed = random_next(seed), .is_begun = &is_begun};

    order.storm = start_child(storm, (void *)(uintptr_t)random_next(seed));
    pid_t tracer = start_child(watch, &order);
    gate_pass(&is_begun);
    for (uint32_t n = random_below(seed, 5000); n; n--)
        sched_yield();
    if (random_below(seed, 4) == 0)
        CHECK_OK(kill(tracer, SIGKILL));
    CHECK_OK(kill(order.storm, SIGKILL));
    wait_child(order.storm);
    wait_child(tracer);
    gate_destroy(&is_begun);
}

static void tracers_and_threads_race_and_end(void)
{
    uint64_t seed = random_seed();

    for (int n = 0; n < ROUNDS; n++)
        run_storm(&seed);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        storm((void *)strtoul(argv[1], NULL, 10)); /* when a case executes this program */
    RUN(tracers_and_threads_race_and_end);
    return test_end();
}
