/* xk, lab 3: one call grows the heap to 1 MiB. A child grows by 1 MiB at a time until it is
   refused. A refused call has taken nothing, and one more page is still granted. */
#include "test.h"

#include <sys/resource.h>
#include <sys/sysinfo.h>

static char *the_break(void)
{
    return pagoda_sbrk(0);
}

static void one_call_grows_to_one_mib(void)
{
    char *start = the_break();

    CHECK_EQ(pagoda_sbrk(MIB), start);
    CHECK_EQ(the_break(), start + MIB);
    poke(start + MIB - 1, 1);
    CHECK_EQ(peek(start + MIB - 1), 1);
    CHECK_EQ(pagoda_sbrk(-(intptr_t)MIB), start + MIB);
    CHECK_EQ(the_break(), start);
}

static unsigned long free_memory(void)
{
    struct sysinfo info;

    CHECK_OK(sysinfo(&info));
    return info.freeram;
}

/* The limit is not a multiple of the step. It covers the program's data too, which has less than
   768 KiB. So 10 MiB of heap fit, and 11 do not. */
static void grow_until_refused(void *unused)
{
    struct rlimit limit = {10 * MIB + 768 * KIB, 10 * MIB + 768 * KIB};
    long count = 0;
    char *heap;

    (void)unused;
    CHECK_OK(setrlimit(RLIMIT_DATA, &limit));
    while ((heap = pagoda_sbrk(MIB)) != (char *)-1) {
        poke(heap + MIB - 1, 1);
        CHECK(++count <= 10);
    }
    CHECK_EQ(errno, ENOMEM);
    CHECK_EQ(count, 10);
    heap = the_break();
    struct counters before = counters_now();
    CHECK_ERR(ENOMEM, pagoda_sbrk(MIB));
    CHECK_EQ(the_break(), heap);
    CHECK_EQ(counters_since(&before).anon_pages, 0);
    CHECK(free_memory() > 0);
    CHECK_EQ(pagoda_sbrk(PAGE), heap);
    poke(heap + PAGE - 1, 1);
    CHECK_EQ(peek(heap + PAGE - 1), 1);
}

static void growth_by_one_mib_is_refused_in_the_end(void)
{
    CHECK(exits_with(0, grow_until_refused, NULL));
}

int main(int argc, char **argv)
{
    (void)argc;
    with_ten_page_stack(argv);
    RUN(one_call_grows_to_one_mib);
    RUN_ON_PAGODA(growth_by_one_mib_is_refused_in_the_end);
    return test_end();
}
