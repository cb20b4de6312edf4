/* xk, lab 3: ten blocks of 10 001 bytes, freed, and then one of 20 KiB, from a malloc on top of
   sbrk. */
#include "test.h"

#include "umalloc.h"

#define BLOCKS     10
#define BLOCK_SIZE 10001

static char *alloc_filled(size_t size, char filling)
{
    char *block = umalloc(size);

    CHECK(block);
    return memset(block, filling, size);
}

static void ten_blocks_and_a_large_one_can_be_had(void)
{
    char *blocks[BLOCKS];

    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = alloc_filled(BLOCK_SIZE, i);
    for (int i = 0; i < BLOCKS; i++) {
        for (int at = 0; at < BLOCK_SIZE; at++)
            CHECK_EQ(blocks[i][at], i);
    }
    for (int i = 0; i < BLOCKS; i++)
        ufree(blocks[i]);
    ufree(alloc_filled(20 * KIB, 'x'));
}

int main(int argc, char **argv)
{
    (void)argc;
    with_ten_page_stack(argv);
    RUN(ten_blocks_and_a_large_one_can_be_had);
    return test_end();
}
