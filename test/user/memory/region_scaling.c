/* Costs that may not grow with what there is: an operation on one region of a process costs about
   as much beside 50 000 regions as beside 100. Truncation costs as much as there are regions that
   map the file, and is not slowed down by the others.

   Costs are compared in virtual time only (time_is_virtual), which counts instructions. They are
   not compared in a debug build, which checks much beside each operation. */
#include "test.h"

#define RW    (PROT_READ | PROT_WRITE)
#define TRIES 8
#define FEW   100
#define MANY  50000

static bool costs_are_comparable(void)
{
    return time_is_virtual() && !is_debug_build();
}

static uint64_t now(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static char *map_at(char *at, size_t len, int prot)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0);

    return CHECK_OK(mmap(at, len, prot, flags, -1, 0));
}

/* Single pages with a hole of one page behind each. */
struct pages {
    char *start, *middle;
    int count;
};

static struct pages pages_map(int count)
{
    char *start = map_hole(2 * count);

    for (int n = 0; n < count; n++)
        map_at(start + 2 * PAGE * n, PAGE, RW);
    return (struct pages){start, start + 2 * PAGE * (count / 2), count};
}

static void pages_unmap(const struct pages *pages)
{
    unmap_pages(pages->start, 2 * pages->count);
}

/* Returns what the step costs, the least of a few times. Before and after it, the pages are as
   pages_map left them, but the one in the middle may be touched or not. */
static uint64_t cost_of(void (*step)(char *middle, uint64_t *cost), char *middle)
{
    uint64_t least = UINT64_MAX;

    for (int n = 0; n < TRIES; n++) {
        uint64_t cost;

        step(middle, &cost);
        least = cost < least ? cost : least;
    }
    return least;
}

/* Compares the cost beside few regions with that beside many. */
static void check_cost(const char *what, void (*step)(char *middle, uint64_t *cost))
{
    struct pages few = pages_map(FEW);
    uint64_t before = cost_of(step, few.middle);

    pages_unmap(&few);
    struct pages many = pages_map(MANY);
    uint64_t after = cost_of(step, many.middle);
    pages_unmap(&many);
    if (!costs_are_comparable())
        return;
    note("%s: %lu ns beside %d regions, %lu beside %d", what, before, FEW, after, MANY);
    CHECK(after <= 3 * before);
}

/* Only above the pages, or below them, is room for two. */
static void step_map(char *middle, uint64_t *cost)
{
    uint64_t start = now();
    char *more = map_at(NULL, 2 * PAGE, PROT_READ);

    *cost = now() - start;
    (void)middle;
    unmap_pages(more, 2);
}

static void mapping_costs_no_more_beside_many_regions(void)
{
    check_cost("mmap", step_map);
}

static void step_fault(char *middle, uint64_t *cost)
{
    CHECK_OK(madvise(middle, PAGE, MADV_DONTNEED));
    uint64_t start = now();
    poke(middle, 1);
    *cost = now() - start;
}

static void a_fault_costs_no_more_beside_many_regions(void)
{
    check_cost("fault", step_fault);
}

static void step_unmap(char *middle, uint64_t *cost)
{
    poke(middle, 1);
    uint64_t start = now();
    int err = munmap(middle, PAGE);
    *cost = now() - start;
    CHECK_EQ(err, 0);
    map_at(middle, PAGE, RW);
}

static void unmapping_costs_no_more_beside_many_regions(void)
{
    check_cost("munmap", step_unmap);
}

static void step_protect(char *middle, uint64_t *cost)
{
    poke(middle, 1);
    uint64_t start = now();
    int err = mprotect(middle, PAGE, PROT_READ);
    *cost = now() - start;
    CHECK_EQ(err, 0);
    CHECK_OK(mprotect(middle, PAGE, RW));
}

static void protecting_costs_no_more_beside_many_regions(void)
{
    check_cost("mprotect", step_protect);
}

/* Into the hole behind, and back. */
static void step_move(char *middle, uint64_t *cost)
{
    poke(middle, 1);
    uint64_t start = now();
    void *moved = mremap(middle, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, middle + PAGE);
    *cost = now() - start;
    CHECK(moved == middle + PAGE);
    CHECK_OK(mremap(moved, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, middle));
}

static void moving_costs_no_more_beside_many_regions(void)
{
    check_cost("mremap", step_move);
}

/* ---- Files that many processes map ---- */

enum { SHARERS = 200 };

static char *map_file(int fd)
{
    return CHECK_OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
}

static int make_file(void)
{
    int fd = CHECK_OK(memfd_create("shared", 0));

    CHECK_OK(ftruncate(fd, PAGE));
    return fd;
}

struct sharers {
    int fd;
    struct gate ready, end;
    pid_t children[SHARERS];
};

static void share_file(void *arg)
{
    struct sharers *sharers = arg;
    char *page = map_file(sharers->fd);

    poke(page, 1);
    gate_open(&sharers->ready);
    gate_pass(&sharers->end);
}

static void sharers_start(struct sharers *sharers)
{
    sharers->fd = make_file();
    sharers->ready = gate_make();
    sharers->end = gate_make();
    for (int n = 0; n < SHARERS; n++)
        sharers->children[n] = start_child(share_file, sharers);
    for (int n = 0; n < SHARERS; n++)
        gate_pass(&sharers->ready);
}

static void sharers_end(struct sharers *sharers)
{
    for (int n = 0; n < SHARERS; n++)
        gate_open(&sharers->end);
    for (int n = 0; n < SHARERS; n++)
        CHECK(exited_with(wait_child(sharers->children[n]), 0));
    gate_destroy(&sharers->ready);
    gate_destroy(&sharers->end);
    CHECK_OK(close(sharers->fd));
}

/* Returns what it costs to map, touch and unmap the page of the file. */
static uint64_t cost_of_visit(int fd)
{
    uint64_t least = UINT64_MAX;

    for (int n = 0; n < TRIES; n++) {
        uint64_t start = now();
        char *page = map_file(fd);
        poke(page, 1);
        unmap_pages(page, 1);
        uint64_t cost = now() - start;
        least = cost < least ? cost : least;
    }
    return least;
}

/* Returns what it costs to cut the file off while this process alone maps it. */
static uint64_t cost_of_truncation(int fd)
{
    char *page = map_file(fd);
    uint64_t least = UINT64_MAX;

    for (int n = 0; n < TRIES; n++) {
        poke(page, 1);
        uint64_t start = now();
        int err = ftruncate(fd, 0);
        uint64_t cost = now() - start;
        CHECK_EQ(err, 0);
        CHECK_OK(ftruncate(fd, PAGE));
        least = cost < least ? cost : least;
    }
    unmap_pages(page, 1);
    return least;
}

static void truncation_goes_to_those_that_map_the_file(void)
{
    static struct sharers sharers;
    int fd = make_file();
    uint64_t visit = cost_of_visit(fd), truncation = cost_of_truncation(fd);

    sharers_start(&sharers);
    uint64_t visit_beside = cost_of_visit(sharers.fd), truncation_beside = cost_of_truncation(fd);
    uint64_t start = now();
    int err = ftruncate(sharers.fd, 0);
    uint64_t whole = now() - start;
    CHECK_EQ(err, 0);
    sharers_end(&sharers);
    CHECK_OK(close(fd));
    if (!costs_are_comparable())
        return;
    note("map, touch and unmap: %lu ns, beside %d sharers %lu", visit, SHARERS, visit_beside);
    note("truncation: %lu ns, beside %d processes %lu, of their file %lu", truncation, SHARERS,
         truncation_beside, whole);
    CHECK(visit_beside <= 2 * visit);
    CHECK(truncation_beside <= 2 * truncation);
    CHECK(whole <= 2 * SHARERS * truncation);
}

int main(void)
{
    RUN(mapping_costs_no_more_beside_many_regions);
    RUN(a_fault_costs_no_more_beside_many_regions);
    RUN(unmapping_costs_no_more_beside_many_regions);
    RUN(protecting_costs_no_more_beside_many_regions);
    RUN(moving_costs_no_more_beside_many_regions);
    RUN(truncation_goes_to_those_that_map_the_file);
    return test_end();
}
