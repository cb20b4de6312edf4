/* osv, lab 4: a buffer of eight pages on a stack of ten. Each page is a fault of the program. The
   kernel can use a promised page before it exists.

   Linux does not run this, because it starts the stack anywhere in its highest page. Then fewer
   than eight of the ten pages may be left. */
#include "test.h"

#define BUFFER_PAGES 8

__attribute__((noinline)) static void touch_buffer(void)
{
    char buffer[BUFFER_PAGES * PAGE];

    for (int i = 0; i < BUFFER_PAGES; i++)
        poke(buffer + i * PAGE, i);
    for (int i = 0; i < BUFFER_PAGES; i++)
        CHECK_EQ(peek(buffer + i * PAGE), i);
}

static void count_faults(void *unused)
{
    struct counters before = counters_now();

    (void)unused;
    touch_buffer();
    CHECK(counters_since(&before).minor_fault >= BUFFER_PAGES);
}

static void a_buffer_of_eight_pages_takes_eight_faults(void)
{
    CHECK(exits_with(0, count_faults, NULL));
}

__attribute__((noinline)) static void write_untouched(void *unused)
{
    char buffer[BUFFER_PAGES * PAGE];
    char received = 1;
    int fds[2];

    (void)unused;
    make_pipe(fds);
    CHECK_OK(dup2(fds[1], STDOUT_FILENO));
    CHECK_EQ(write(STDOUT_FILENO, buffer + 4 * PAGE, 1), 1);
    CHECK_EQ(read(fds[0], &received, 1), 1);
    CHECK_EQ(received, 0);
    CHECK_EQ(CHECK_OK(write(fds[1], "hello", 5)), 5);
    CHECK_EQ(read(fds[0], buffer + 3 * PAGE - 2, PAGE), 5); /* onto two pages */
    CHECK(memcmp(buffer + 3 * PAGE - 2, "hello", 5) == 0);
}

static void the_kernel_is_first_in_the_buffer(void)
{
    CHECK(exits_with(0, write_untouched, NULL));
}

int main(int argc, char **argv)
{
    (void)argc;
    pagoda_only();
    with_ten_page_stack(argv);
    RUN(a_buffer_of_eight_pages_takes_eight_faults);
    RUN(the_kernel_is_first_in_the_buffer);
    return test_end();
}
