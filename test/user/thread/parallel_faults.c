/* Faults beside each other: two threads of one address space, and two processes, that touch memory
   of their own at once wait for no lock that they have in common, except where the frame allocator
   gives a CPU its next batch of frames. /proc/lock_stat counts the waits, so nothing is asserted
   about time; the times are remarks.

   With one CPU, the counts are 0 without effort: CPUS=2 make test T=parallel_faults MEM=256M */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#define MIB        (1024 * KIB)
#define MOST       (64 * MIB)
#define BATCH      32           /* frames that a CPU's cache takes from the common lists at once */
#define APART      (1024 * MIB) /* no table but the root and the next is common */
#define ADDRESS(n) ((char *)(256 * APART) + (n)*APART) /* far from all that the program maps */
#define RUNS       3

/* The classes of locks that a fault may take, but for the allocator's. */
static const char *const classes[] = {
    "RANK_VSPACE", "RANK_CACHE",   "RANK_SPACES",  "RANK_HEAP",
    "RANK_TABLE",  "RANK_TABLE+1", "RANK_TABLE+2", "RANK_TABLE+3",
};
enum { CLASSES_IN_DEBUG = 4 }; /* a DEBUG build walks again after each fault, and locks the root */

static size_t bytes_each; /* that each thread or process touches */

static size_t pages_each(void)
{
    return bytes_each / PAGE;
}

static void choose_size(void)
{
    size_t third = number_in("/proc/meminfo", "MemFree") * KIB / 3;

    bytes_each = (third < MOST ? third : MOST) & ~(TABLE_BYTES - 1);
    CHECK(bytes_each > 0);
}

/* The n-th area. Its first page is touched, so its upper tables are there. */
static char *area_make(int n)
{
    char *area = CHECK_OK(mmap(ADDRESS(n), bytes_each, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));

    poke(area, 1);
    return area;
}

static void touch_all(char *area)
{
    for (size_t n = 0; n < pages_each(); n++)
        poke(area + n * PAGE, 1);
}

/* ---- What the kernel counts ---- */

struct waits {
    long of_class[ARRAY_SIZE(classes)];
    long frames;          /* waits for the allocator's common lists */
    long frames_acquired; /* how often they were locked; 0 unless the build counts it */
    long shootdowns;      /* 0 unless the kernel counts them */
};

static void note_acquired(const char *line, void *waits)
{
    (void)!sscanf(line, "RANK_FRAMES %*d %ld", &((struct waits *)waits)->frames_acquired);
}

static struct waits waits_now(void)
{
    struct waits waits = {0};

    for (size_t n = 0; n < ARRAY_SIZE(classes); n++) {
        waits.of_class[n] = number_in("/proc/lock_stat", classes[n]);
        CHECK(waits.of_class[n] >= 0);
    }
    waits.frames = number_in("/proc/lock_stat", "RANK_FRAMES");
    CHECK(each_line("/proc/lock_stat", note_acquired, &waits));
    waits.shootdowns = number_in("/proc/vmstat", "nr_tlb_remote_flush");
    return waits;
}

/* Checks what happened from `before` to `now`, while two areas were touched. */
static void check_waits(const struct waits *before, const struct waits *now)
{
    size_t nclasses = now->frames_acquired ? CLASSES_IN_DEBUG : ARRAY_SIZE(classes);
    long batches = 2 * pages_each() / BATCH + 2 * bytes_each / TABLE_BYTES / BATCH + 64;

    for (size_t n = 0; n < nclasses; n++)
        if (now->of_class[n] != before->of_class[n])
            test_fail(__FILE__, __LINE__, "%s: %ld acquisitions had to wait", classes[n],
                      now->of_class[n] - before->of_class[n]);
    note("2 x %zu pages: the frames' lists were locked %ld times, %ld times after a wait",
         pages_each(), now->frames_acquired - before->frames_acquired,
         now->frames - before->frames);
    CHECK(now->frames - before->frames <= batches);
    CHECK(now->frames_acquired - before->frames_acquired <= batches);
    CHECK_EQ(now->shootdowns, before->shootdowns);
}

/* ---- Threads ---- */

static pthread_barrier_t barrier; /* the two threads, and main */

static void *touch_between_barriers(void *area)
{
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    touch_all(area);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return NULL;
}

static void two_threads_wait_for_the_next_batch_of_frames_only(void)
{
    char *areas[] = {area_make(0), area_make(1)};
    pthread_t threads[2];

    (void)waits_now(); /* its own faults come now */
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, 3), 0);
    for (int n = 0; n < 2; n++)
        CHECK_EQ(pthread_create(&threads[n], NULL, touch_between_barriers, areas[n]), 0);
    pthread_barrier_wait(&barrier);
    struct waits before = waits_now();
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    struct waits after = waits_now();
    pthread_barrier_wait(&barrier);
    for (int n = 0; n < 2; n++) {
        CHECK_EQ(pthread_join(threads[n], NULL), 0);
        CHECK_OK(munmap(areas[n], bytes_each));
    }
    check_waits(&before, &after);
}

/* ---- Processes ---- */

struct worker {
    int number;
    struct gate ready, start, done, leave;
};

static void touch_between_gates(void *arg)
{
    const struct worker *worker = arg;
    char *area = area_make(worker->number);

    gate_open(&worker->ready);
    gate_pass(&worker->start);
    touch_all(area);
    gate_open(&worker->done);
    gate_pass(&worker->leave);
}

static void two_processes_wait_for_the_next_batch_of_frames_only(void)
{
    struct worker workers[2];
    pid_t pids[2];

    for (int n = 0; n < 2; n++) {
        workers[n] = (struct worker){n, gate_make(), gate_make(), gate_make(), gate_make()};
        pids[n] = start_child(touch_between_gates, &workers[n]);
    }
    for (int n = 0; n < 2; n++)
        gate_pass(&workers[n].ready);
    (void)waits_now();
    struct waits before = waits_now();
    for (int n = 0; n < 2; n++)
        gate_open(&workers[n].start);
    for (int n = 0; n < 2; n++)
        gate_pass(&workers[n].done);
    struct waits after = waits_now();
    for (int n = 0; n < 2; n++) {
        gate_open(&workers[n].leave);
        CHECK(exited_with(wait_child(pids[n]), 0));
        gate_destroy(&workers[n].ready);
        gate_destroy(&workers[n].start);
        gate_destroy(&workers[n].done);
        gate_destroy(&workers[n].leave);
    }
    check_waits(&before, &after);
}

/* ---- One page for both ---- */

#define SHARED_PAGES 512

static void *poke_second_bytes(void *area)
{
    pthread_barrier_wait(&barrier);
    for (size_t n = 0; n < SHARED_PAGES; n++)
        poke((char *)area + n * PAGE + 1, 2);
    return NULL;
}

static void two_threads_that_touch_one_page_get_one_frame(void)
{
    char *area = map_pages(SHARED_PAGES);
    pthread_t thread;

    CHECK_EQ(pthread_barrier_init(&barrier, NULL, 2), 0);
    CHECK_EQ(pthread_create(&thread, NULL, poke_second_bytes, area), 0);
    pthread_barrier_wait(&barrier);
    for (size_t n = 0; n < SHARED_PAGES; n++)
        poke(area + n * PAGE, 1);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    for (size_t n = 0; n < SHARED_PAGES; n++)
        CHECK(peek(area + n * PAGE) == 1 && peek(area + n * PAGE + 1) == 2);
    unmap_pages(area, SHARED_PAGES);
}

/* ---- Times, as remarks ---- */

static double seconds_now(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return now.tv_sec + now.tv_nsec / 1e9;
}

static void *touch_area(void *area)
{
    touch_all(area);
    return NULL;
}

/* Runs for about as long as touch_all, without memory. */
static void *count_up(void *unused)
{
    for (volatile size_t n = 0; n < pages_each() * 100; n++)
        ;
    return unused;
}

/* Returns the time that `work` takes on both areas: at once, or one after the other. */
static double time_of(void *(*work)(void *), char *const *areas, bool at_once)
{
    double start = seconds_now();
    pthread_t thread;

    if (at_once)
        CHECK_EQ(pthread_create(&thread, NULL, work, areas[0]), 0);
    else
        work(areas[0]);
    work(areas[1]);
    if (at_once)
        CHECK_EQ(pthread_join(thread, NULL), 0);
    double taken = seconds_now() - start;
    for (int n = 0; n < 2; n++)
        CHECK_OK(madvise(areas[n], bytes_each, MADV_DONTNEED));
    return taken;
}

/* Reports the best of several. */
static void report_ratio(const char *what, void *(*work)(void *), char *const *areas)
{
    double best[2] = {1e9, 1e9};

    for (int run = 0; run < RUNS; run++)
        for (int at_once = 0; at_once < 2; at_once++) {
            double taken = time_of(work, areas, at_once);

            best[at_once] = taken < best[at_once] ? taken : best[at_once];
        }
    note("%s: both at once %.0f ms, one after the other %.0f ms, ratio %.2f", what, best[1] * 1e3,
         best[0] * 1e3, best[1] / best[0]);
}

static void times_are_reported(void)
{
    char *areas[] = {area_make(0), area_make(1)};

    report_ratio("touching memory", touch_area, areas);
    report_ratio("counting", count_up, areas);
    for (int n = 0; n < 2; n++)
        CHECK_OK(munmap(areas[n], bytes_each));
}

int main(void)
{
    choose_size();
    RUN_ON_PAGODA(two_threads_wait_for_the_next_batch_of_frames_only);
    RUN_ON_PAGODA(two_processes_wait_for_the_next_batch_of_frames_only);
    RUN(two_threads_that_touch_one_page_get_one_frame);
    RUN(times_are_reported);
    return test_end();
}
