/* Many workloads at once (workload.h), some of which are killed at random. On Pagoda, some of these
   meet failing allocations before: one in each of their threads and processes.

   Jobs run in periods. A job is one of the programs below, with a random seed. After each period
   all jobs have ended, and the kernel uses as much memory as before and has no reference too many.
   With STRESS_DIRECTORY in the environment, a directory of the disk at /disk, jobs make their files
   there (stress_files.c). The disk is mounted only while jobs run, because a file system keeps what
   it has read. Pagoda only.

   Without STRESS_SECONDS in the environment there is one short period. Otherwise there are as many
   as fit in this time. TEST_SEED repeats the jobs and the kills, though not their order in time.

   A job that fails is named with its seed, and can be repeated alone: /test/PROGRAM SEED. */
#include "failing.h"
#include "workload.h"

#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <time.h>

#include "number.h"

#define AT_ONCE     6
#define PERIOD_JOBS 40
#define SAMPLE_JOBS 18
#define KILLED      4    /* one job in so many */
#define ALLOCATIONS 1000 /* more than most threads make */

static const char *const programs[] = {"stress_memory", "stress_process", "stress_sync",
                                       "stress_files",  "stress_hostile", "stress_mappings"};

struct job {
    pid_t pid; /* 0: none */
    const char *program;
    uint32_t seed;
    uint32_t failing; /* number of the allocation that fails; 0: none */
    bool is_killed;
};

static struct job jobs[AT_ONCE];

static _Noreturn void become_job(const struct job *job)
{
    char path[512], seed[16];
    char *argv[] = {path, seed, NULL};

    snprintf(path, sizeof(path), "%s", self_path());
    strcpy(strrchr(path, '/') + 1, job->program);
    snprintf(seed, sizeof(seed), "%u", job->seed);
    setpgid(0, 0);
    if (job->failing) {
        int null = CHECK_OK(open("/dev/null", O_WRONLY));

        CHECK_OK(dup2(null, STDOUT_FILENO)); /* its checks fail */
        CHECK_OK(close(null));
        fail_nth(fail_nth_open(), job->failing);
    }
    execv(path, argv);
    test_fail(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
}

static void job_start(struct job *job, uint64_t *random)
{
    *job = (struct job){
        .program = programs[random_below(random, ARRAY_SIZE(programs))],
        .seed = random_next(random),
        .is_killed = random_below(random, KILLED) == 0,
    };
    if (job->is_killed && on_pagoda() && random_below(random, 2))
        job->failing = 1 + random_below(random, ALLOCATIONS);
    job->pid = CHECK_OK(fork());
    if (job->pid == 0)
        become_job(job);
    setpgid(job->pid, job->pid); /* here too: the group must exist when it is killed */
    if (!job->is_killed)
        return;
    dawdle(random, 3000000);
    kill(-job->pid, SIGKILL); /* if the job has ended already, there is no such group */
}

static struct job *job_find(pid_t pid)
{
    for (int n = 0; n < AT_ONCE; n++)
        if (jobs[n].pid == pid)
            return &jobs[n];
    return NULL;
}

/* Waits for the end of a job, and checks how it ended. Returns its place. */
static struct job *job_wait(void)
{
    int status;
    struct job *job = job_find(CHECK_OK(wait(&status)));

    CHECK(job);
    job->pid = 0;
    if (job->is_killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return job;
    if (job->failing && WIFEXITED(status))
        return job;
    if (!exited_with(status, 0))
        test_fail(__FILE__, __LINE__, "failed: %s %u", job->program, job->seed);
    return job;
}

static void run_jobs(uint64_t *random, int count)
{
    int running = 0;

    for (int n = 0; n < count; n++) {
        struct job *place = running < AT_ONCE ? &jobs[running++] : job_wait();

        job_start(place, random);
    }
    for (; running > 0; running--)
        job_wait();
}

/* What the kernel uses memory for. */

static const struct {
    const char *file, *key;
} resources[] = {
    {"/proc/meminfo", "AnonPages"},    {"/proc/meminfo", "PageTables"},
    {"/proc/vmstat", "nr_heap_bytes"}, {"/proc/vmstat", "nr_kernel_stacks"},
    {"/proc/vmstat", "nr_page_cache"},
};

/* The directory of the disk, or NULL. */
static const char *disk_directory(void)
{
    return getenv("STRESS_DIRECTORY");
}

static void disk_mount(void)
{
    const char *path = disk_directory();

    if (!path)
        return;
    CHECK_OK(mount("/dev/vda", "/disk", "ext2", 0, NULL));
    if (mkdir(path, 0755) < 0)
        CHECK_EQ(errno, EEXIST);
}

/* Removes what killed jobs have left, and unmounts the disk, as soon as the last of their processes
   has ended. */
static void disk_unmount(void)
{
    const char *path = disk_directory();

    if (!path)
        return;
    empty_directory(path);
    while (umount("/disk") < 0) {
        CHECK_EQ(errno, EBUSY);
        sched_yield();
    }
}

static void clean_up(void)
{
    kill_orphans();
    empty_directory("/tmp"); /* a job that is killed leaves its files */
    disk_unmount();
}

static void usage_read(long usage[])
{
    for (size_t n = 0; n < ARRAY_SIZE(resources); n++)
        usage[n] = number_in(resources[n].file, resources[n].key);
}

static void check_nothing_is_lost(const long before[])
{
    const struct timespec moment = {.tv_nsec = 5000000};
    long now[ARRAY_SIZE(resources)];

    if (!on_pagoda())
        return;
    clean_up();
    usage_read(now);
    for (int n = 0; n < 12000 && memcmp(now, before, sizeof(now)) != 0; n++) {
        nanosleep(&moment, NULL); /* init reaps what a killed job has left in its own time */
        usage_read(now);
    }
    for (size_t n = 0; n < ARRAY_SIZE(resources); n++)
        if (now[n] != before[n])
            test_fail(__FILE__, __LINE__, "%ld %s before, and %ld now", before[n], resources[n].key,
                      now[n]);
    CHECK_EQ(pagoda_audit(), 0);
}

static time_t seconds_now(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return now.tv_sec;
}

/* Runs periods for so many seconds, and at least one. */
static void run_periods(uint64_t *random, long seconds)
{
    time_t end = seconds_now() + seconds;
    int done = 0;
    long before[ARRAY_SIZE(resources)];

    disk_mount();
    run_jobs(random, AT_ONCE); /* so that pages and caches that stay in use are there */
    if (on_pagoda())
        clean_up();
    touch_stack(4 * PAGE); /* what empty_directory needs for the directories of killed jobs */
    usage_read(before);
    usage_read(before);
    do {
        int count = seconds ? PERIOD_JOBS : SAMPLE_JOBS;

        disk_mount();
        run_jobs(random, count);
        check_nothing_is_lost(before);
        done += count;
        if (seconds)
            note("%d jobs; %ld seconds are left", done, (long)(end - seconds_now()));
    } while (seconds_now() < end);
}

static void all_at_once_lose_nothing(void)
{
    const char *asked = getenv("STRESS_SECONDS");
    uint64_t random = random_seed();
    long seconds = 0;

    CHECK(!asked || number_parse(asked, 0, INT32_MAX, &seconds));
    run_periods(&random, seconds);
}

int main(void)
{
    RUN(all_at_once_lose_nothing);
    return test_end();
}
