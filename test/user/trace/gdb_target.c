/* The program that the scripted gdb session watches (tools/gdb_test.py): one demand-zero fault and
   one copy-on-write fault, each on a page whose symbol the script knows. As a test it checks what
   the program itself sees of them. */

#include "test.h"

char lazy_page[PAGE] __attribute__((aligned(PAGE))); /* the first touch is a write: demand-zero */
char shared_page[PAGE]
    __attribute__((aligned(PAGE))); /* written before the fork, and by the child after it */

static void a_first_write_gets_a_page(void)
{
    lazy_page[0] = 1;
    CHECK_EQ(lazy_page[0], 1);
}

static void write_shared_page(void *unused)
{
    (void)unused;
    shared_page[1] = 2;
    CHECK_EQ(shared_page[0], 1);
}

static void a_write_after_fork_gets_a_copy(void)
{
    shared_page[0] = 1;
    CHECK(exits_with(0, write_shared_page, NULL));
    CHECK_EQ(shared_page[1], 0);
}

int main(void)
{
    RUN(a_first_write_gets_a_page);
    RUN(a_write_after_fork_gets_a_copy);
    return test_end();
}
