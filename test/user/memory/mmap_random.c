/* Random mapping, unmapping, protecting, writing and forking, in an arena of 64 pages, against a
   model.

   The arena lies across a boundary of page tables at every level, so all of them come and go. The
   test looks at a page through the kernel, which returns EFAULT where the program itself would be
   killed: one system call reads the page, and one writes the same bytes back. */
#include "test.h"

#define ARENA_PAGES 64
#define STEPS       200
#define DEPTH_MAX   3
#define ARENA       ((char *)0x10000000000 - ARENA_PAGES / 2 * PAGE)

enum { HOLE = -1 };

/* What is to be there. */
struct model {
    int prot[ARENA_PAGES];        /* PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, or HOLE */
    uint32_t number[ARENA_PAGES]; /* at the start of the page; 0 in a hole */
    uint64_t random;
    int depth; /* of this process in the tree of forks */
    int fds[2];
};

struct range {
    int first, count; /* pages */
};

static char *page_at(int page)
{
    return ARENA + page * PAGE;
}

static struct range random_range(struct model *model)
{
    int first = random_below(&model->random, ARENA_PAGES);
    int longest = ARENA_PAGES - first < 20 ? ARENA_PAGES - first : 20;

    return (struct range){first, 1 + random_below(&model->random, longest)};
}

static int random_prot(struct model *model)
{
    static const int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE,
                                PROT_READ | PROT_WRITE};

    return prots[random_below(&model->random, ARRAY_SIZE(prots))];
}

/* Looking. */

static bool is_readable(const struct model *model, int page)
{
    return model->prot[page] != HOLE && model->prot[page] != PROT_NONE;
}

static bool is_writable(const struct model *model, int page)
{
    return is_readable(model, page) && (model->prot[page] & PROT_WRITE);
}

static void check_page(const struct model *model, int page)
{
    uint32_t number;

    if (!is_readable(model, page)) {
        CHECK_ERR(EFAULT, write(model->fds[1], page_at(page), sizeof(number)));
        return;
    }
    CHECK_EQ(CHECK_OK(write(model->fds[1], page_at(page), sizeof(number))), sizeof(number));
    if (is_writable(model, page))
        CHECK_EQ(CHECK_OK(read(model->fds[0], page_at(page), sizeof(number))), sizeof(number));
    else {
        CHECK_ERR(EFAULT, read(model->fds[0], page_at(page), sizeof(number)));
        CHECK_EQ(CHECK_OK(read(model->fds[0], &number, sizeof(number))), sizeof(number));
    }
    CHECK_EQ(*(volatile uint32_t *)page_at(page), model->number[page]);
}

/* Returns the number of regions after all possible merges. */
static int regions_expected(const struct model *model)
{
    int count = 0, before = HOLE;

    for (int page = 0; page < ARENA_PAGES; page++) {
        count += model->prot[page] != HOLE && model->prot[page] != before;
        before = model->prot[page];
    }
    return count;
}

static void check_all(const struct model *model)
{
    for (int page = 0; page < ARENA_PAGES; page++)
        check_page(model, page);
    if (on_pagoda()) /* Linux merges less: it looks at the pages' histories as well */
        CHECK_EQ(regions_within(ARENA, ARENA_PAGES * PAGE), regions_expected(model));
}

/* Doing. */

static void do_map(struct model *model)
{
    struct range range = random_range(model);
    int prot = random_prot(model);

    CHECK_EQ(CHECK_OK(mmap(page_at(range.first), range.count * PAGE, prot,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)),
             page_at(range.first));
    for (int page = range.first; page < range.first + range.count; page++) {
        model->prot[page] = prot;
        model->number[page] = 0;
    }
}

static void do_unmap(struct model *model)
{
    struct range range = random_range(model);

    unmap_pages(page_at(range.first), range.count);
    for (int page = range.first; page < range.first + range.count; page++)
        model->prot[page] = HOLE;
}

/* Protects the mapped pages at the start of a random range, up to its first hole. */
static void do_protect(struct model *model)
{
    struct range range = random_range(model);
    int prot = random_prot(model), page = range.first;

    while (page < range.first + range.count && model->prot[page] != HOLE)
        model->prot[page++] = prot;
    CHECK_OK(mprotect(page_at(range.first), (page - range.first) * PAGE, prot));
}

static void do_write(struct model *model)
{
    int page = random_below(&model->random, ARENA_PAGES);

    if (is_writable(model, page))
        *(uint32_t *)page_at(page) = model->number[page] = random_next(&model->random);
}

static void live(void *arg);

static void do_fork(struct model *model)
{
    struct model child = *model;

    if (model->depth == DEPTH_MAX)
        return;
    child.depth++;
    child.random = random_next(&model->random);
    CHECK(exits_with(0, live, &child));
    check_all(model);
}

static void do_something(struct model *model)
{
    int choice = random_below(&model->random, 100);

    if (choice < 15)
        do_map(model);
    else if (choice < 25)
        do_unmap(model);
    else if (choice < 40)
        do_protect(model);
    else if (choice < 42)
        do_fork(model);
    else
        do_write(model);
}

static void live(void *arg)
{
    struct model *model = arg;

    check_all(model);
    for (int step = 0; step < STEPS >> model->depth; step++) {
        do_something(model);
        check_page(model, random_below(&model->random, ARENA_PAGES));
    }
    check_all(model);
}

static void random_changes_agree_with_the_model(void)
{
    struct model model = {.random = random_seed()};

    for (int page = 0; page < ARENA_PAGES; page++)
        model.prot[page] = HOLE;
    make_pipe(model.fds);
    live(&model);
    unmap_pages(ARENA, ARENA_PAGES);
}

int main(void)
{
    RUN(random_changes_agree_with_the_model);
    return test_end();
}
