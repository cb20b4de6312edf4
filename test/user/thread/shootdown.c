/* What other threads see when one changes the address space: after a call has returned, no CPU uses
   an older translation. Each case runs in a child, because a failed check in a thread ends the
   process. */
#include "procfile.h"
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>

#define OTHERS 3
#define ROUNDS 10

static volatile long *page; /* what the others access */
static long junk[ROUNDS * PAGE / sizeof(long)];
static long go, gone; /* the rounds that have begun, and those in which the page has changed */
static long accesses[OTHERS];
static long caught; /* faults of all rounds */
static __thread sigjmp_buf at_fault;

static long load(const long *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void store(long *word, long value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static void count_access(long other)
{
    store(&accesses[other], accesses[other] + 1);
    if (accesses[other] % 16 == 0)
        sched_yield();
}

/* Waits until each of the others has accessed the page, so that its CPU has a translation. */
static void await_accesses(void)
{
    long before[OTHERS];

    for (long n = 0; n < OTHERS; n++)
        before[n] = load(&accesses[n]);
    for (long n = 0; n < OTHERS; n++)
        while (load(&accesses[n]) < before[n] + 2)
            sched_yield();
}

static void start_others(pthread_t *threads, void *(*body)(void *))
{
    for (long n = 0; n < OTHERS; n++)
        CHECK_EQ(pthread_create(&threads[n], NULL, body, (void *)n), 0);
}

static void join_others(const pthread_t *threads)
{
    for (long n = 0; n < OTHERS; n++)
        CHECK_EQ(pthread_join(threads[n], NULL), 0);
}

/* A copy on write. */

static void *read_the_newest(void *other)
{
    while (load(&go) < ROUNDS) {
        long newest = load(&gone);

        CHECK(*page >= newest);
        count_access((long)other);
    }
    return NULL;
}

/* The held child keeps the old frame, with the old value. */
static void write_beside_readers(void *unused)
{
    pthread_t threads[OTHERS];

    (void)unused;
    page = (long *)map_pages(1);
    start_others(threads, read_the_newest);
    for (long round = 1; round <= ROUNDS; round++) {
        struct held_child child;

        hold_child(&child, do_nothing, NULL);
        await_accesses();
        *page = round;
        store(&gone, round);
        CHECK(exited_with(release_child(&child), 0));
    }
    store(&go, ROUNDS);
    join_others(threads);
}

static void no_reader_sees_the_old_page_after_a_write(void)
{
    CHECK(exits_with(0, write_beside_readers, NULL));
}

/* Faults in threads: each begins an access loop anew in each round. */

static void leave_loop(int number)
{
    (void)number;
    siglongjmp(at_fault, 1);
}

static void catch_faults(void)
{
    struct sigaction action = {.sa_handler = leave_loop, .sa_flags = SA_NODEFER};

    CHECK_OK(sigaction(SIGSEGV, &action, NULL));
}

/* Lets the others begin a round, and returns when all have accessed the page. */
static void begin_round(long round)
{
    store(&go, round);
    await_accesses();
}

static void end_round(long round)
{
    while (load(&caught) < OTHERS * round)
        sched_yield();
}

static void await_round(long round)
{
    while (load(&go) < round)
        sched_yield();
}

static void read_until_fault(long other, long round)
{
    if (sigsetjmp(at_fault, 0))
        return;
    for (;;) {
        long was_gone = load(&gone);

        CHECK_EQ(*page, round);
        CHECK(was_gone < round);
        count_access(other);
    }
}

static void *read_until_unmapped(void *other)
{
    for (long round = 1; round <= ROUNDS; round++) {
        await_round(round);
        read_until_fault((long)other, round);
        __atomic_add_fetch(&caught, 1, __ATOMIC_ACQ_REL);
    }
    return NULL;
}

/* The frame that munmap frees is soon filled with junk. */
static void unmap_beside_readers(void *unused)
{
    pthread_t threads[OTHERS];

    (void)unused;
    catch_faults();
    page = (long *)map_pages(1);
    start_others(threads, read_until_unmapped);
    for (long round = 1; round <= ROUNDS; round++) {
        CHECK_OK(mmap((void *)page, PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
        *page = round;
        begin_round(round);
        CHECK_OK(munmap((void *)page, PAGE));
        store(&gone, round);
        junk[(round - 1) * PAGE / sizeof(long)] = -1;
        end_round(round);
    }
    join_others(threads);
}

static void a_reader_of_an_unmapped_page_faults(void)
{
    CHECK(exits_with(0, unmap_beside_readers, NULL));
}

static void write_until_fault(long other, long round)
{
    if (sigsetjmp(at_fault, 0))
        return;
    for (;;) {
        long was_gone = load(&gone);

        page[other]++;
        CHECK(was_gone < round);
        count_access(other);
    }
}

static void *write_until_protected(void *other)
{
    for (long round = 1; round <= ROUNDS; round++) {
        await_round(round);
        write_until_fault((long)other, round);
        __atomic_add_fetch(&caught, 1, __ATOMIC_ACQ_REL);
    }
    return NULL;
}

static void protect_beside_writers(void *unused)
{
    pthread_t threads[OTHERS];

    (void)unused;
    catch_faults();
    page = (long *)map_pages(1);
    start_others(threads, write_until_protected);
    for (long round = 1; round <= ROUNDS; round++) {
        long words[OTHERS];

        CHECK_OK(mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE));
        begin_round(round);
        CHECK_OK(mprotect((void *)page, PAGE, PROT_READ));
        store(&gone, round);
        for (long n = 0; n < OTHERS; n++)
            words[n] = page[n];
        end_round(round);
        for (long n = 0; n < OTHERS; n++)
            CHECK_EQ(page[n], words[n]);
    }
    join_others(threads);
}

static void a_writer_of_a_protected_page_faults(void)
{
    CHECK(exits_with(0, protect_beside_writers, NULL));
}

/* Who is asked for a flush. */

static long sent(void)
{
    return number_in("/proc/vmstat", "nr_tlb_remote_flush");
}

static void protect_often(void)
{
    for (int n = 0; n < 100; n++)
        CHECK_OK(mprotect((void *)page, PAGE, n % 2 ? PROT_READ | PROT_WRITE : PROT_READ));
}

static void count_cpu(const char *line, void *count)
{
    *(long *)count += strncmp(line, "processor", 9) == 0;
}

static void *spin_for_ever(void *other)
{
    for (;;)
        count_access((long)other);
    return NULL;
}

static void spinners_are_asked(void *unused)
{
    long before = sent(), received = number_in("/proc/vmstat", "nr_tlb_remote_flush_received");
    pthread_t threads[OTHERS];

    (void)unused;
    page = (long *)map_pages(1);
    start_others(threads, spin_for_ever);
    await_accesses();
    while (sent() == before) /* a spinner may wait for its turn */
        protect_often();
    CHECK(number_in("/proc/vmstat", "nr_tlb_remote_flush_received") > received);
    _exit(0);
}

static void a_cpu_that_runs_the_program_is_asked(void)
{
    long cpus = 0;

    proc_lines("/proc/cpuinfo", count_cpu, &cpus);
    if (cpus > 1)
        CHECK(exits_with(0, spinners_are_asked, NULL));
}

static void *sleep_for_ever(void *other)
{
    count_access((long)other);
    count_access((long)other);
    for (;;)
        pause();
    return NULL;
}

static void sleepers_are_not_asked(void *unused)
{
    pthread_t threads[OTHERS];
    long before;

    (void)unused;
    page = (long *)map_pages(1);
    start_others(threads, sleep_for_ever);
    for (long n = 0; n < OTHERS; n++)
        while (load(&accesses[n]) < 2)
            sched_yield();
    do { /* a thread may yet be on its way to sleep */
        before = sent();
        protect_often();
    } while (sent() > before);
    _exit(0);
}

static void an_idle_cpu_is_not_asked(void)
{
    CHECK(exits_with(0, sleepers_are_not_asked, NULL));
}

static void flushes_are_counted(void)
{
    long pages = number_in("/proc/vmstat", "nr_tlb_local_flush_one");
    long all = number_in("/proc/vmstat", "nr_tlb_local_flush_all");

    page = (long *)map_pages(1);
    *page = 1;
    protect_often();
    CHECK(number_in("/proc/vmstat", "nr_tlb_local_flush_one") >= pages + 100);
    CHECK(exits_with(0, do_nothing, NULL)); /* a fork flushes everything */
    CHECK(number_in("/proc/vmstat", "nr_tlb_local_flush_all") > all);
    CHECK_OK(munmap((void *)page, PAGE));
}

int main(void)
{
    RUN(no_reader_sees_the_old_page_after_a_write);
    RUN(a_reader_of_an_unmapped_page_faults);
    RUN(a_writer_of_a_protected_page_faults);
    RUN_ON_PAGODA(flushes_are_counted);
    RUN_ON_PAGODA(a_cpu_that_runs_the_program_is_asked);
    RUN_ON_PAGODA(an_idle_cpu_is_not_asked);
    return test_end();
}
