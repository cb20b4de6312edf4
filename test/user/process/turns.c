/* Whose turn it is: a process that has slept comes before busy ones, and yet takes no more than its
   share. Each case is on one CPU. CPU time and switches are counted, so a slow machine makes no
   difference. */
#include "threading.h"

#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "meter.h"
#include "procfile.h"

static void work_for_ever(void *unused)
{
    (void)unused;
    for (;;)
        ;
}

static void end_child(pid_t pid)
{
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
}

/* ---- Turns come soon ---- */

#define BUSY 20
#define SOON 9

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
    struct meter meter = {0};

    for (;;) {
        meter_work_until(&meter, meter_read(&meter) + 5 * MS);
        unsigned long count = switches();
        CHECK_EQ(CHECK_OK(write(fds[1], &count, sizeof(count))), (ssize_t)sizeof(count));
    }
}

/* In turn with all busy processes, the woken one would wait for BUSY switches, each time. A busy
   host may stop a virtual CPU between the count and the wake-up, but not each time. */
static void check_rings(void (*body)(void *))
{
    pid_t busy[BUSY];
    int fds[2], rings = 0, soon = 0;

    make_pipe(fds);
    stay_on_this_cpu();
    for (int i = 0; i < BUSY; i++)
        busy[i] = start_child(work_for_ever, NULL);
    pid_t ringer = start_child(body, fds);
    for (; soon < SOON; rings++) {
        unsigned long before;

        CHECK_EQ(CHECK_OK(read(fds[0], &before, sizeof(before))), (ssize_t)sizeof(before));
        soon += switches() - before < BUSY / 2;
    }
    end_child(ringer);
    for (int i = 0; i < BUSY; i++)
        end_child(busy[i]);
    use_all_cpus();
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    CHECK(rings == SOON || !time_is_virtual());
}

static void a_woken_process_comes_before_busy_ones(void)
{
    check_rings(ring);
}

static void ring_from_elsewhere(void *fds)
{
    cpu_set_t here, all;

    CHECK_OK(sched_getaffinity(0, sizeof(here), &here));
    use_all_cpus();
    CHECK_OK(sched_getaffinity(0, sizeof(all), &all));
    CPU_XOR(&all, &all, &here);
    if (CPU_COUNT(&all) > 0)
        CHECK_OK(sched_setaffinity(0, sizeof(all), &all));
    ring(fds);
}

/* If there is another CPU, it interrupts the one whose processes are busy. */
static void another_cpu_wakes_a_process_as_soon(void)
{
    check_rings(ring_from_elsewhere);
}

/* ---- Shares are fair ---- */

static struct meter meters[5]; /* the first is that of the busy thread */
static volatile bool is_over;

static void *be_busy(void *unused)
{
    while (!is_over)
        meter_read(&meters[0]);
    return unused;
}

static pthread_t start_busy(void)
{
    stay_on_this_cpu();
    memset(meters, 0, sizeof(meters));
    is_over = false;
    return thread_start(be_busy, NULL);
}

/* Ends the busy thread, which must have had so much CPU time. */
static void end_busy(pthread_t thread, uint64_t least_ns)
{
    is_over = true;
    CHECK_EQ(pthread_join(thread, NULL), 0);
    use_all_cpus();
    CHECK(meters[0].now_ns + meters_slack_ns(meters, ARRAY_SIZE(meters)) > least_ns);
}

static void *work_and_sleep(void *meter)
{
    const struct timespec moment = {.tv_nsec = 20000};

    for (uint64_t ns = 0; ns < 100 * MS; ns += MS) {
        meter_work_until(meter, ns);
        CHECK_OK(nanosleep(&moment, NULL));
    }
    return NULL;
}

/* Each sleeper has 100 ms of CPU time. A fair share is the same for the busy thread. */
static void check_sleepers(int count)
{
    pthread_t busy = start_busy(), sleepers[4];

    for (int i = 0; i < count; i++)
        sleepers[i] = thread_start(work_and_sleep, &meters[1 + i]);
    for (int i = 0; i < count; i++)
        CHECK_EQ(pthread_join(sleepers[i], NULL), 0);
    end_busy(busy, 50 * MS);
}

static void sleepers_do_not_starve_a_busy_thread(void)
{
    check_sleepers(1);
    check_sleepers(4);
}

static void work_a_little(void *fds)
{
    struct meter meter = {0};

    meter_work_until(&meter, 3 * MS);
    CHECK_EQ(CHECK_OK(write(((int *)fds)[1], &meter, sizeof(meter))), sizeof(meter));
    _exit(0);
}

static void nothing_is_gained_by_forking(void)
{
    pthread_t busy = start_busy();
    int fds[2];

    make_pipe(fds);
    for (int i = 0; i < 50; i++) {
        struct meter meter;

        CHECK(exits_with(0, work_a_little, fds));
        CHECK_EQ(CHECK_OK(read(fds[0], &meter, sizeof(meter))), sizeof(meter));
        if (meter.gap_ns > meters[1].gap_ns)
            meters[1] = meter;
    }
    end_busy(busy, 40 * MS); /* the children had 150 */
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
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
    RUN_ON_PAGODA(another_cpu_wakes_a_process_as_soon);
    RUN_ON_PAGODA(sleepers_do_not_starve_a_busy_thread);
    RUN_ON_PAGODA(nothing_is_gained_by_forking);
    RUN_ON_PAGODA(zombies_do_not_pile_up);
    return test_end();
}
