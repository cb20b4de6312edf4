/* Whose turn it is: a process that has slept comes before busy ones, and yet takes no more than its
   share. CPU time and switches are counted, so a slow machine makes no difference. */
#include "test.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "procfile.h"

#define MS 1000000ul /* in nanoseconds */

static uint64_t cpu_ns(void)
{
    struct timespec time;

    CHECK_OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time));
    return time.tv_sec * 1000000000ul + time.tv_nsec;
}

/* Works until the process has had so much CPU time. */
static void work_until(uint64_t ns)
{
    while (cpu_ns() < ns)
        ;
}

static void work_for_ever(void *unused)
{
    (void)unused;
    for (;;)
        ;
}

/* Ends a child. Returns the CPU time that it had. */
static uint64_t end_child(pid_t pid)
{
    struct rusage usage;
    int status;

    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(CHECK_OK(wait4(pid, &status, 0, &usage)), pid);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000ul +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000ul;
}

/* ---- Turns come soon ---- */

#define BUSY  20
#define RINGS 9

static unsigned long switches(void)
{
    unsigned long count = 0;
    char *text, *line;

    proc_text("/proc/stat", &text);
    line = strstr(text, "\nctxt ");
    CHECK(line && sscanf(line, "\nctxt %lu", &count) == 1);
    return count;
}

/* Works, and from time to time wakes the parent with the number of switches so far. */
static void ring(void *arg)
{
    const int *fds = arg;
    uint64_t worked_ns = cpu_ns();

    for (int i = 0; i < RINGS; i++) {
        work_until(worked_ns += 5 * MS);
        unsigned long count = switches();
        CHECK_EQ(CHECK_OK(write(fds[1], &count, sizeof(count))), (ssize_t)sizeof(count));
    }
    _exit(0);
}

/* In turn with all busy processes, the woken one would wait for BUSY switches. */
static void a_woken_process_comes_before_busy_ones(void)
{
    pid_t busy[BUSY];
    int fds[2], soon = 0;

    make_pipe(fds);
    for (int i = 0; i < BUSY; i++)
        busy[i] = start_child(work_for_ever, NULL);
    pid_t ringer = start_child(ring, fds);
    for (int i = 0; i < RINGS; i++) {
        unsigned long before;

        CHECK_EQ(CHECK_OK(read(fds[0], &before, sizeof(before))), (ssize_t)sizeof(before));
        soon += switches() - before < BUSY / 2;
    }
    CHECK(exited_with(wait_child(ringer), 0));
    for (int i = 0; i < BUSY; i++)
        end_child(busy[i]);
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    CHECK(soon > RINGS / 2);
}

/* ---- Shares are fair ---- */

static void work_and_sleep(void *unused)
{
    const struct timespec moment = {.tv_nsec = 20000};

    (void)unused;
    for (uint64_t ns = 0; ns < 100 * MS; ns += MS) {
        work_until(ns);
        CHECK_OK(nanosleep(&moment, NULL));
    }
    _exit(0);
}

/* Each sleeper has 100 ms of CPU time. A fair share is the same for the busy process. */
static void check_sleepers(int count)
{
    pid_t busy = start_child(work_for_ever, NULL), sleepers[4];

    for (int i = 0; i < count; i++)
        sleepers[i] = start_child(work_and_sleep, NULL);
    for (int i = 0; i < count; i++)
        CHECK(exited_with(wait_child(sleepers[i]), 0));
    CHECK(end_child(busy) > 50 * MS);
}

static void sleepers_do_not_starve_a_busy_process(void)
{
    check_sleepers(1);
    check_sleepers(4);
}

static void work_a_little(void *unused)
{
    (void)unused;
    work_until(3 * MS);
    _exit(0);
}

static void nothing_is_gained_by_forking(void)
{
    pid_t busy = start_child(work_for_ever, NULL);

    for (int i = 0; i < 50; i++)
        CHECK(exits_with(0, work_a_little, NULL));
    CHECK(end_child(busy) > 40 * MS); /* the children had 150 */
}

/* All of them are busy, and have begun at about the same time. */
static void busy_processes_share_the_cpu(void)
{
    uint64_t least = UINT64_MAX, most = 0;
    pid_t pids[5];

    for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
        pids[i] = start_child(work_for_ever, NULL);
    work_until(cpu_ns() + 100 * MS);
    for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
        uint64_t ns = end_child(pids[i]);

        least = ns < least ? ns : least;
        most = ns > most ? ns : most;
    }
    CHECK(least > most / 3);
}

/* ---- Init ---- */

#define FORKERS 24

/* Nobody waits for the children of a process that ignores SIGCHLD. */
static void fork_without_waiting(void *unused)
{
    (void)unused;
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 100; i++) {
        pid_t pid = CHECK_OK(vfork());

        if (pid == 0)
            _exit(0);
        CHECK(number_in("/proc/vmstat", "nr_kernel_stacks") < 12 * FORKERS);
    }
}

/* With the share of one process among many, init would fall behind. */
static void zombies_do_not_pile_up(void)
{
    pid_t pids[FORKERS];

    for (int i = 0; i < FORKERS; i++)
        pids[i] = start_child(fork_without_waiting, NULL);
    for (int i = 0; i < FORKERS; i++)
        CHECK(exited_with(wait_child(pids[i]), 0));
}

int main(void)
{
    RUN_ON_PAGODA(a_woken_process_comes_before_busy_ones);
    RUN(sleepers_do_not_starve_a_busy_process);
    RUN(nothing_is_gained_by_forking);
    RUN_ON_PAGODA(busy_processes_share_the_cpu);
    RUN_ON_PAGODA(zombies_do_not_pile_up);
    return test_end();
}
