/* osv, lab 4: sbrk up and down, and below the start of the heap. */
#include "test.h"

#include <limits.h>

static char *the_break(void)
{
    return pagoda_sbrk(0);
}

static void the_break_goes_up_and_back(void)
{
    char *start = the_break();

    CHECK_EQ(the_break(), start);
    CHECK_EQ(pagoda_sbrk(40970), start);
    CHECK_EQ(the_break(), start + 40970);
    CHECK_EQ(pagoda_sbrk(-40970), start + 40970);
    CHECK_EQ(the_break(), start);
}

static void below_the_start_nothing_changes(void)
{
    char *start = the_break();

    CHECK_EQ(pagoda_sbrk(-1), start);
    CHECK_EQ(the_break(), start);
    CHECK_EQ(pagoda_sbrk(10), start);
    CHECK_EQ(pagoda_sbrk(-100), start + 10);
    CHECK_EQ(the_break(), start + 10);
    CHECK_EQ(pagoda_sbrk(INTPTR_MIN), start + 10);
    CHECK_EQ(the_break(), start + 10);
    CHECK_EQ(pagoda_sbrk(-10), start + 10);
    CHECK_EQ(the_break(), start);
}

int main(int argc, char **argv)
{
    (void)argc;
    with_ten_page_stack(argv);
    RUN(the_break_goes_up_and_back);
    RUN(below_the_start_nothing_changes);
    return test_end();
}
