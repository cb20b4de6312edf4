/* fork copies no memory: parent and child share every page until one of them writes to it.

   The programs see the old rule: each has its own memory. The counters see the sharing: a read
   costs nothing, the first writer of a shared page pays one frame, and the last owner keeps the
   page. Page tables are shared in the same way. */
#include "test.h"

/* Checks that a page holds this text. */

static void check_text(const char *page, const char *text)
{
    CHECK(strcmp(page, text) == 0);
}

static void check_parent_text(void *page)
{
    check_text(page, "parent");
}

static void write_child_text(void *page)
{
    check_text(page, "parent");
    strcpy(page, "child");
    check_text(page, "child");
}

static char *text_page(void)
{
    return strcpy(map_pages(1), "parent");
}

static void a_child_sees_its_parents_memory(void)
{
    static char data[] = "parent";
    char stack[] = "parent";
    char *page = text_page();

    CHECK(exits_with(0, check_parent_text, data));
    CHECK(exits_with(0, check_parent_text, stack));
    CHECK(exits_with(0, check_parent_text, page));
    unmap_pages(page, 1);
}

static void a_parent_does_not_see_its_childs_writes(void)
{
    char *page = text_page();

    CHECK(exits_with(0, write_child_text, page));
    check_text(page, "parent");
    unmap_pages(page, 1);
}

static void a_child_does_not_see_its_parents_writes(void)
{
    struct held_child child;
    char *page = text_page();

    hold_child(&child, write_child_text, page);
    strcpy(page, "changed");
    CHECK(exited_with(release_child(&child), 0));
    check_text(page, "changed");
    unmap_pages(page, 1);
}

static void write_then_fork(void *page)
{
    strcpy(page, "parent"); /* of the grandchild */
    CHECK(exits_with(0, write_child_text, page));
    check_text(page, "parent");
}

static void a_grandchild_sees_its_own_parents_memory(void)
{
    char *page = map_pages(1);

    strcpy(page, "grandparent");
    CHECK(exits_with(0, write_then_fork, page));
    check_text(page, "grandparent");
    unmap_pages(page, 1);
}

static void fork_and_unmap(void *page)
{
    struct held_child grandchild;

    hold_child(&grandchild, check_parent_text, page);
    strcpy(page, "changed");
    unmap_pages(page, 1);
    CHECK(exited_with(release_child(&grandchild), 0));
}

static void a_page_stays_when_its_origin_is_unmapped(void)
{
    char *page = text_page();

    CHECK(exits_with(0, fork_and_unmap, page));
    check_text(page, "parent");
    unmap_pages(page, 1);
}

static void read_into(void *page)
{
    int fds[2];

    make_pipe(fds);
    CHECK_OK(write(fds[1], "child", 6));
    CHECK_EQ(CHECK_OK(read(fds[0], page, 6)), 6);
    check_text(page, "child");
}

static void the_kernel_writes_a_shared_page(void)
{
    char *page = text_page();

    CHECK(exits_with(0, read_into, page));
    check_text(page, "parent");
    unmap_pages(page, 1);
}

/* Counting. (xk_cow_fork counts frames as the lab does.) */
#define HEAP_PAGES 200

static void touch_heap(char *heap, void (*touch)(void *))
{
    for (int i = 0; i < HEAP_PAGES; i++)
        touch(heap + i * PAGE);
}

static void the_last_owner_takes_the_page(void)
{
    char *heap = map_pages(HEAP_PAGES);

    touch_heap(heap, write_byte);
    CHECK(exits_with(0, write_byte, heap)); /* its page table is shared, and then copied, too */
    struct counters before = counters_now();
    long taken = number_in("/proc/self/faults", "reused");
    touch_heap(heap, write_byte);
    CHECK_EQ(number_in("/proc/self/faults", "reused"), taken + HEAP_PAGES);
    CHECK_EQ(counters_since(&before).anon_pages, 0);
    unmap_pages(heap, HEAP_PAGES);
}

/* Returns the cost of a child that only waits, in pages of memory and of page tables. */
static long cost_of_a_child(void)
{
    struct counters before = counters_now();
    struct held_child child;

    hold_child(&child, do_nothing, NULL);
    struct counters cost = counters_since(&before);
    CHECK(exited_with(release_child(&child), 0));
    return cost.anon_pages + cost.page_tables;
}

static void the_cost_does_not_grow_with_the_memory(void)
{
    long small = cost_of_a_child();
    char *memory = map_pages(16 * MIB / PAGE);

    for (size_t at = 0; at < 16 * MIB; at += PAGE)
        poke(memory + at, 1);
    CHECK_EQ(cost_of_a_child(), small);
    unmap_pages(memory, 16 * MIB / PAGE);
}

/* A random tree of processes. Each writes, directly or through the kernel, reads and forks. Each
   checks its pages against a model: the numbers that it, or an ancestor before the fork, wrote
   last. */
#define TREE_PAGES  32
#define TREE_STRIDE (128 * PAGE) /* four of the pages under each page table */
#define TREE_STEPS  60
#define TREE_DEPTH  4

struct tree {
    uint64_t *pages[TREE_PAGES]; /* the memory under test: a number at the start of each page */
    uint64_t model[TREE_PAGES];  /* what these numbers are to be */
    uint64_t random;
    int depth;
    int fds[2]; /* a pipe, for writes by the kernel */
};

static void tree_check(const struct tree *tree)
{
    for (int i = 0; i < TREE_PAGES; i++)
        CHECK_EQ(*tree->pages[i], tree->model[i]);
}

static void tree_write(struct tree *tree, int page, bool by_kernel)
{
    uint64_t number = random_next(&tree->random);

    tree->model[page] = number;
    if (!by_kernel) {
        *tree->pages[page] = number;
        return;
    }
    CHECK_OK(write(tree->fds[1], &number, sizeof(number)));
    CHECK_EQ(CHECK_OK(read(tree->fds[0], tree->pages[page], sizeof(number))), sizeof(number));
}

static void tree_live(void *arg);

static pid_t tree_fork(struct tree *tree)
{
    struct tree child = *tree;

    child.random = random_next(&tree->random);
    child.depth++;
    return start_child(tree_live, &child);
}

/* One process of the tree. At most two of its children live beside it. */
static void tree_live(void *arg)
{
    struct tree *tree = arg;
    pid_t children[2] = {0};

    tree_check(tree);
    make_pipe(tree->fds);
    for (int step = 0; step < TREE_STEPS; step++) {
        unsigned choice = random_below(&tree->random, 20);
        pid_t *child = &children[choice % 2];

        if (choice >= 2)
            tree_write(tree, random_below(&tree->random, TREE_PAGES), choice < 6);
        else if (*child == 0 && tree->depth < TREE_DEPTH)
            *child = tree_fork(tree);
    }
    tree_check(tree);
    for (int i = 0; i < 2; i++) {
        if (children[i])
            CHECK(exited_with(wait_child(children[i]), 0));
    }
    tree_check(tree);
}

static void a_random_tree_agrees_with_the_model(void)
{
    struct tree tree = {.random = random_seed()};
    char *memory = map_pages(TREE_PAGES * TREE_STRIDE / PAGE);

    for (int i = 0; i < TREE_PAGES; i++)
        tree.pages[i] = (uint64_t *)(memory + i * TREE_STRIDE);
    CHECK(exits_with(0, tree_live, &tree));
    unmap_pages(memory, TREE_PAGES * TREE_STRIDE / PAGE);
}

int main(void)
{
    RUN(a_child_sees_its_parents_memory);
    RUN(a_parent_does_not_see_its_childs_writes);
    RUN(a_child_does_not_see_its_parents_writes);
    RUN(a_grandchild_sees_its_own_parents_memory);
    RUN(a_page_stays_when_its_origin_is_unmapped);
    RUN(the_kernel_writes_a_shared_page);
    RUN_ON_PAGODA(the_last_owner_takes_the_page);
    RUN_ON_PAGODA(the_cost_does_not_grow_with_the_memory);
    RUN(a_random_tree_agrees_with_the_model);
    return test_end();
}
