/* Threads that use one address space against each other: faults, writes after forks, mappings that
   come and go. */
#include "workload.h"

#include <sched.h>

/* ---- Faults ---- */

#define FAULT_PAGES 256u
#define FAULT_STEPS 800u

static char *shared_pages;

static unsigned *word_of(uint32_t page)
{
    return (unsigned *)(shared_pages + page * PAGE);
}

static void count_on_pages(struct member *self)
{
    for (unsigned n = 0; n < FAULT_STEPS; n++)
        __atomic_fetch_add(word_of(random_below(&self->random, FAULT_PAGES)), 1, __ATOMIC_RELAXED);
}

/* If two threads got a frame each for one page, the counts of one would be lost. */
static void a_page_gets_one_frame(uint64_t *random)
{
    for (int round = 0; round < 3; round++) {
        unsigned sum = 0;

        shared_pages = map_pages(FAULT_PAGES);
        crew_run(random, 4,
                 (void (*const[])(struct member *)){count_on_pages, count_on_pages, count_on_pages,
                                                    count_on_pages});
        for (uint32_t page = 0; page < FAULT_PAGES; page++)
            sum += *word_of(page);
        CHECK_EQ(sum, 4 * FAULT_STEPS);
        unmap_pages(shared_pages, FAULT_PAGES);
    }
}

/* ---- Forks ---- */

#define WRITERS 3
#define FORKS   6

/* Each writer counts up a word on a page, then one on a second page below another table. */
static struct {
    volatile unsigned *first, *second;
} counts[WRITERS];
static int is_done; /* atomic */

static void write_both(struct member *self)
{
    volatile unsigned *first = counts[self->number].first, *second = counts[self->number].second;

    for (unsigned n = 1; !__atomic_load_n(&is_done, __ATOMIC_ACQUIRE); n++) {
        *first = n;
        *second = n;
        CHECK_EQ(*first, n);
        CHECK_EQ(*second, n);
    }
}

/* The memory of a child does not change, whatever its parent's threads write. */
static void check_snapshot(uint64_t *random)
{
    unsigned first[WRITERS], second[WRITERS];

    for (int n = 0; n < WRITERS; n++) {
        first[n] = *counts[n].first;
        second[n] = *counts[n].second;
        CHECK(first[n] - second[n] <= 1);
    }
    sched_yield();
    dawdle(random, 20000);
    for (int n = 0; n < WRITERS; n++) {
        CHECK_EQ(*counts[n].first, first[n]);
        CHECK_EQ(*counts[n].second, second[n]);
        *counts[n].first = *counts[n].second = 0xdead;
    }
    _exit(0);
}

static void fork_beside_writers(struct member *self)
{
    pid_t pids[FORKS];

    for (int n = 0; n < FORKS; n++) {
        dawdle(&self->random, 10000);
        pids[n] = CHECK_OK(fork());
        if (pids[n] == 0)
            check_snapshot(&self->random);
        if (n >= 2)
            CHECK(exited_with(wait_child(pids[n - 2]), 0));
    }
    CHECK(exited_with(wait_child(pids[FORKS - 2]), 0));
    CHECK(exited_with(wait_child(pids[FORKS - 1]), 0));
    __atomic_store_n(&is_done, 1, __ATOMIC_RELEASE);
}

static void a_fork_is_a_snapshot(uint64_t *random)
{
    char *pages = map_pages(2 * 512);

    for (int n = 0; n < WRITERS; n++) {
        counts[n].first = (unsigned *)(pages + n * PAGE);
        counts[n].second = (unsigned *)(pages + n * PAGE + TABLE_BYTES);
    }
    crew_run(random, WRITERS + 1,
             (void (*const[])(struct member *)){write_both, write_both, write_both,
                                                fork_beside_writers});
}

/* ---- Copies ---- */

#define COPIES 16u
#define ROUNDS 4u

static unsigned progress; /* atomic; round * COPIES + the pages that are written in this round */

static void write_after_fork(struct member *self)
{
    for (unsigned round = 1; round <= ROUNDS; round++) {
        struct held_child sharer;

        hold_child(&sharer, do_nothing, NULL);
        for (uint32_t page = 0; page < COPIES; page++) {
            *(volatile unsigned *)word_of(page) = round;
            __atomic_store_n(&progress, round * COPIES + page + 1, __ATOMIC_RELEASE);
            dawdle(&self->random, 200);
        }
        CHECK(exited_with(release_child(&sharer), 0));
    }
    __atomic_store_n(&is_done, 1, __ATOMIC_RELEASE);
}

/* A page that was written shows nothing older: not the frame that the child shares. */
static void read_the_written(struct member *self)
{
    while (!__atomic_load_n(&is_done, __ATOMIC_ACQUIRE)) {
        unsigned seen = __atomic_load_n(&progress, __ATOMIC_ACQUIRE);
        uint32_t page = random_below(&self->random, COPIES);
        unsigned round = page < seen % COPIES ? seen / COPIES : seen / COPIES - 1;

        CHECK(seen == 0 || *(volatile unsigned *)word_of(page) >= round);
    }
}

static void no_thread_sees_what_a_copy_replaced(uint64_t *random)
{
    shared_pages = map_pages(COPIES);
    crew_run(random, 4,
             (void (*const[])(struct member *)){write_after_fork, read_the_written,
                                                read_the_written, read_the_written});
}

/* ---- Mappings ---- */

#define RANGE_PAGES 32u
#define TOUCHES     400u
#define CHANGES     50u
#define TAG         0x7a90000u

static char *map_in_place(char *start, size_t npages)
{
    return CHECK_OK((char *)mmap(start, npages * PAGE, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}

/* Maps the page again at which the thread has failed. */
static void repair(int signal, siginfo_t *info, void *context)
{
    char *page = (char *)((uintptr_t)info->si_addr & ~(PAGE - 1));

    (void)signal, (void)context;
    CHECK(page >= shared_pages && page < shared_pages + RANGE_PAGES * PAGE);
    map_in_place(page, 1);
}

/* A page is empty, or holds what was written to it. */
static void touch_range(struct member *self)
{
    for (unsigned n = 0; n < TOUCHES; n++) {
        uint32_t page = random_below(&self->random, RANGE_PAGES);
        volatile unsigned *word = word_of(page);

        if (random_below(&self->random, 2))
            *word = TAG + page;
        unsigned found = *word;
        CHECK(found == 0 || found == TAG + page);
    }
}

static void change_range(struct member *self)
{
    static const int rights[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};

    for (unsigned n = 0; n < CHANGES; n++) {
        uint32_t page = random_below(&self->random, RANGE_PAGES);
        size_t npages = 1 + random_below(&self->random, RANGE_PAGES - page);
        char *start = shared_pages + page * PAGE;

        switch (random_below(&self->random, 6)) {
        case 0:
            CHECK_OK(munmap(start, npages * PAGE));
            break;
        case 1:
            map_in_place(start, npages);
            break;
        case 2:
            if (madvise(start, npages * PAGE, MADV_DONTNEED))
                CHECK_EQ(errno, ENOMEM); /* there is a hole */
            break;
        default:
            if (mprotect(start, npages * PAGE, rights[random_below(&self->random, 3)]))
                CHECK_EQ(errno, ENOMEM);
        }
    }
}

static void mappings_change_below_their_users(uint64_t *random)
{
    struct sigaction action = {.sa_sigaction = repair, .sa_flags = SA_SIGINFO | SA_NODEFER};

    shared_pages = map_pages(RANGE_PAGES);
    CHECK_OK(sigaction(SIGSEGV, &action, NULL));
    crew_run(
        random, 4,
        (void (*const[])(struct member *)){touch_range, touch_range, change_range, change_range});
}

int main(int argc, char **argv)
{
    static const struct workload all[] = {
        {"a_page_gets_one_frame", a_page_gets_one_frame},
        {"a_fork_is_a_snapshot", a_fork_is_a_snapshot},
        {"no_thread_sees_what_a_copy_replaced", no_thread_sees_what_a_copy_replaced},
        {"mappings_change_below_their_users", mappings_change_below_their_users},
    };

    return workloads_main(argc, argv, all, ARRAY_SIZE(all));
}
