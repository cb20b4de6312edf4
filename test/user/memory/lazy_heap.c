/* Lazy memory: sbrk and mmap only promise, and a page exists from its first touch on.

   A promise costs nothing, so it may be larger than the machine. The first write to a page costs
   one frame. A read costs none, because all untouched pages show the same zeros. The heap of 1 GiB
   is in xv6_lazy_alloc; pages that the kernel touches first are in xv6_lazy_copy. */
#include "test.h"

static void a_promise_costs_nothing(void)
{
    struct counters before = counters_now();
    char *mapped = map_pages(256 * MIB / PAGE);
    CHECK_OK(pagoda_sbrk(256 * MIB));
    struct counters cost = counters_since(&before);

    CHECK_EQ(cost.anon_pages, 0);
    CHECK_EQ(cost.page_tables, 0);
    unmap_pages(mapped, 256 * MIB / PAGE);
    CHECK_OK(pagoda_sbrk(-256 * (intptr_t)MIB));
}

static void each_touched_page_costs_one_frame(void)
{
    char *area = map_pages(64);
    struct counters before = counters_now();

    for (int i = 0; i < 64; i++) {
        poke(area + i * PAGE, 1);
        poke(area + i * PAGE + PAGE - 1, 1);
        CHECK_EQ(counters_since(&before).anon_pages, i + 1);
    }
    unmap_pages(area, 64);
    CHECK_EQ(counters_since(&before).anon_pages, 0);
}

static void reading_costs_no_frame(void)
{
    char *area = map_pages(64);
    struct counters before = counters_now();

    for (int i = 0; i < 64; i++)
        CHECK_EQ(peek(area + i * PAGE), 0);
    CHECK_EQ(counters_since(&before).anon_pages, 0);
    poke(area + 5 * PAGE, 1); /* and a page that was read first still becomes a page of its own */
    CHECK_EQ(counters_since(&before).anon_pages, 1);
    unmap_pages(area, 64);
}

static void each_first_touch_is_a_fault(void)
{
    char *area = map_pages(64);
    struct counters before = counters_now();

    for (int i = 0; i < 64; i++)
        poke(area + i * PAGE, 1);
    struct counters cost = counters_since(&before);
    CHECK_EQ(cost.minor_fault, 64);
    CHECK_EQ(cost.outcomes, 64);
    unmap_pages(area, 64);
}

static void untouched_memory_reads_as_zero(void)
{
    char *area = map_pages(16);

    CHECK(is_zero(area, 16 * PAGE));
    memset(area + 3 * PAGE, 0xff, PAGE);
    CHECK(is_zero(area, 3 * PAGE));
    CHECK(is_zero(area + 4 * PAGE, 12 * PAGE));
    unmap_pages(area, 16);
}

static void what_was_written_stays(void)
{
    size_t count = 256 * PAGE / sizeof(uint64_t);
    uint64_t *words = (uint64_t *)map_pages(256);

    for (size_t i = 0; i < count; i++)
        words[i] = i * 0x9e3779b97f4a7c15;
    for (size_t i = 0; i < count; i++)
        CHECK_EQ(words[i], i * 0x9e3779b97f4a7c15);
    unmap_pages(words, 256);
}

int main(void)
{
    RUN_ON_PAGODA(a_promise_costs_nothing);
    RUN_ON_PAGODA(each_touched_page_costs_one_frame);
    RUN_ON_PAGODA(reading_costs_no_frame);
    RUN_ON_PAGODA(each_first_touch_is_a_fault);
    RUN(untouched_memory_reads_as_zero);
    RUN(what_was_written_stays);
    return test_end();
}
