/* Memory as programs take it: from umalloc on top of sbrk, and from musl's malloc on top of brk and
   mmap.

   Both move the break, so each program uses one of them: the part on malloc runs in this program
   started anew. The blocks of xk's lab are in xk_malloc. */
#include "test.h"

#include "umalloc.h"

/* Which of the two is under test. */
struct allocator {
    void *(*alloc)(size_t size);
    void (*free)(void *memory);
};

static const struct allocator *tested;

static char *alloc_filled(size_t size, char filling)
{
    char *block = tested->alloc(size);

    CHECK(block);
    return memset(block, filling, size);
}

static void check_filled(const char *block, size_t size, char filling)
{
    for (size_t i = 0; i < size; i++)
        CHECK_EQ(block[i], filling);
}

/* Blocks of random sizes are allocated and freed. Each keeps its contents. */
static void blocks_of_umalloc_keep_their_contents(void)
{
    enum { SLOTS = 64, STEPS = 2000, SIZE_LIMIT = 5000 };
    uint64_t random = random_seed();
    char *blocks[SLOTS] = {0};
    size_t sizes[SLOTS] = {0};

    for (int step = 0; step < STEPS; step++) {
        int slot = random_below(&random, SLOTS);

        check_filled(blocks[slot], sizes[slot], slot);
        tested->free(blocks[slot]);
        sizes[slot] = random_below(&random, SIZE_LIMIT);
        blocks[slot] = alloc_filled(sizes[slot], slot);
    }
    for (int slot = 0; slot < SLOTS; slot++) {
        check_filled(blocks[slot], sizes[slot], slot);
        tested->free(blocks[slot]);
    }
}

static int run_cases(const struct allocator *allocator)
{
    tested = allocator;
    RUN(blocks_of_umalloc_keep_their_contents);
    return TEST_PASSED;
}

static void exec_for_malloc(void *unused)
{
    (void)unused;
    CHECK_OK(execv(self_path(), (char *[]){(char *)self_path(), "malloc", NULL}));
}

static void blocks_of_malloc_keep_their_contents(void)
{
    CHECK(exits_with(TEST_PASSED, exec_for_malloc, NULL));
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return run_cases(&(struct allocator){malloc, free});
    run_cases(&(struct allocator){umalloc, ufree});
    RUN(blocks_of_malloc_keep_their_contents);
    return test_end();
}
