/* xk, lab 3: 5000 times sbrk(1). Each returns the previous break, and the byte can be written; after
   a fork the child's break goes on from there. */
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

static void five_thousand_times_one_byte(void)
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
    RUN(five_thousand_times_one_byte);
    return test_end();
}
