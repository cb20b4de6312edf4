/* RLIMIT_NPROC: how many processes and threads there may be when one is made. All are root's. On
   Linux root is exempt, so these cases are Pagoda's. */
#include "test.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/resource.h>

static unsigned count_processes(void)
{
    DIR *proc = opendir("/proc");
    unsigned count = 0;

    CHECK(proc);
    for (struct dirent *entry; (entry = readdir(proc));)
        count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
    closedir(proc);
    return count;
}

static void limit_processes(rlim_t number)
{
    struct rlimit limit = {number, RLIM_INFINITY};

    CHECK_OK(setrlimit(RLIMIT_NPROC, &limit));
}

static void fork_up_to_the_limit(void *unused)
{
    pid_t pids[3];

    (void)unused;
    limit_processes(count_processes() + 3);
    for (int i = 0; i < 3; i++)
        pids[i] = start_child(wait_for_ever, NULL);
    CHECK_ERR(EAGAIN, fork());
    CHECK_ERR(EAGAIN, vfork());
    CHECK_OK(kill(pids[0], SIGKILL));
    siginfo_t info;
    CHECK_OK(waitid(P_PID, pids[0], &info, WEXITED | WNOWAIT));
    CHECK_ERR(EAGAIN, fork()); /* a zombie counts */
    wait_child(pids[0]);
    pids[0] = start_child(wait_for_ever, NULL);
    limit_processes(RLIM_INFINITY);
    pid_t more = start_child(wait_for_ever, NULL);
    CHECK_OK(kill(more, SIGKILL));
    wait_child(more);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(kill(pids[i], SIGKILL));
        wait_child(pids[i]);
    }
}

static void fork_is_refused_at_the_limit(void)
{
    CHECK(exits_with(0, fork_up_to_the_limit, NULL));
}

static void *wait_at_gate(void *gate)
{
    gate_pass(gate);
    return NULL;
}

static void threads_up_to_the_limit(void *unused)
{
    struct gate gate = gate_make();
    pthread_t threads[3], more;

    (void)unused;
    limit_processes(count_processes() + 3);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, wait_at_gate, &gate), 0);
    CHECK_EQ(pthread_create(&more, NULL, wait_at_gate, &gate), EAGAIN);
    CHECK_ERR(EAGAIN, fork());
    for (int i = 0; i < 3; i++)
        gate_open(&gate);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    pid_t pid;
    while ((pid = fork()) < 0) /* the last thread may not have left yet */
        CHECK_EQ(errno, EAGAIN);
    if (pid == 0)
        _exit(0);
    wait_child(pid);
    gate_destroy(&gate);
}

static void threads_count_too(void)
{
    CHECK(exits_with(0, threads_up_to_the_limit, NULL));
}

static void there_is_a_limit_by_default(void)
{
    struct rlimit limit;

    CHECK_OK(getrlimit(RLIMIT_NPROC, &limit));
    CHECK(limit.rlim_cur >= 32 && limit.rlim_cur < RLIM_INFINITY);
}

int main(void)
{
    pagoda_only();
    RUN(fork_is_refused_at_the_limit);
    RUN(threads_count_too);
    RUN(there_is_a_limit_by_default);
    return test_end();
}
