/* xk, lab 3: sbrk(1), 5000 times. Each call returns the previous break, and the byte can be
   written. After a fork the child's break continues from there. */
#include "test.h"

#define BYTES 5000

static char *the_break(void)
{
    return pagoda_sbrk(0);
}

static void grow_by_single_bytes(void)
{
    for (int i = 0; i < BYTES; i++) {
        char *old = the_break();

        CHECK_EQ(pagoda_sbrk(1), old);
        poke(old, i);
        CHECK_EQ(peek(old), (char)i);
    }
}

static void go_on(void *end)
{
    CHECK_EQ(the_break(), end);
    grow_by_single_bytes();
    CHECK_EQ(the_break(), (char *)end + BYTES);
}

static void sbrk_grows_by_one_byte_five_thousand_times(void)
{
    char *start = the_break();

    grow_by_single_bytes();
    CHECK_EQ(the_break(), start + BYTES);
    CHECK(exits_with(0, go_on, start + BYTES));
    CHECK_EQ(the_break(), start + BYTES); /* the child moved its own break only */
    for (int i = 0; i < BYTES; i++)
        CHECK_EQ(start[i], (char)i);
}

int main(int argc, char **argv)
{
    (void)argc;
    with_ten_page_stack(argv);
    RUN(sbrk_grows_by_one_byte_five_thousand_times);
    return test_end();
}
