/* Tests of pages that become dirty and clean, and of holes: kernel/vm with the page cache of
   kernel/fs. */

#include "object.h"
#include "platform.h"
#include "test.h"

/* A page that was written back loses W, so the next write is a fault again. */
static void expect_written_back(unsigned place)
{
    store(place);
    expect_fault(FAULT_SHARED_DIRTIED);
    store(place);
    expect_fault(FAULT_OUTCOMES);
}

static void a_write_after_a_writeback_is_seen(void)
{
    start(P);
    map_shared(BOTTOM, 3, RW, 0, 0);
    for (unsigned n = 0; n < 3; n++)
        store(BOTTOM + n);
    write_back(0, 0, OBJECT_PAGES);
    expect(!object_is_dirty(0), "all pages are clean");
    for (unsigned n = 0; n < 3; n++)
        expect_written_back(BOTTOM + n);
    expect(object_is_dirty(0), "pages are dirty again");
}

static void a_writeback_cleans_its_range_only(void)
{
    start(P);
    map_shared(BOTTOM, 3, RW, 0, 0);
    for (unsigned n = 0; n < 3; n++)
        store(BOTTOM + n);
    write_back(0, 1, 1);
    store(BOTTOM);
    expect_fault(FAULT_OUTCOMES);
    store(BOTTOM + 2);
    expect_fault(FAULT_OUTCOMES);
    expect_written_back(BOTTOM + 1);
}

static void a_writeback_reaches_every_mapping(void)
{
    start(P);
    map_shared(BOTTOM, 1, RW, 0, 0);
    map_shared(STACK, 1, RW, 0, 0);
    store(BOTTOM);
    store(STACK);
    fork_into(Q);
    on(1, Q);
    map(BOTTOM + 1, 1, RW);
    store(BOTTOM + 1); /* Q has its own tables now */
    store(BOTTOM);
    write_back(0, 0, OBJECT_PAGES);
    expect_written_back(BOTTOM);
    expect_written_back(STACK);
    on(0, P);
    expect_written_back(BOTTOM);
    expect_written_back(STACK);
}

static void a_writeback_changes_shared_tables_in_place(void)
{
    start(P);
    map_shared(BOTTOM, 1, RW, 0, 0);
    store(BOTTOM);
    fork_into(Q);
    mark();
    write_back(0, 0, OBJECT_PAGES);
    expect_frames(FRAME_TABLE, 0);
    on(1, Q);
    store(BOTTOM);
    expect_fault(FAULT_SHARED_DIRTIED);
    on(0, P);
    store(BOTTOM);
    expect_fault(FAULT_SHARED_DIRTIED);
}

static void a_page_stays_dirty_when_its_entry_goes(void)
{
    start(P);
    map_shared(BOTTOM, 1, RW, 0, 0);
    store(BOTTOM);
    unmap(BOTTOM, 1);
    map_shared(BOTTOM, 1, RW, 0, 0);
    load(BOTTOM);
    expect_fault(FAULT_SHARED_MAPPED);
    write_back(0, 0, OBJECT_PAGES);
    truncate_object(0, 0);
    extend_object(0);
    load(BOTTOM);
}

static void private_copies_are_not_cleaned(void)
{
    start(P);
    map_file(BOTTOM, 1, RW, 0, 0);
    store(BOTTOM);
    write_back(0, 0, OBJECT_PAGES);
    store(BOTTOM);
    expect_fault(FAULT_OUTCOMES);
}

static void a_hole_reads_as_zeros_in_every_mapping(void)
{
    start(P);
    map_shared(BOTTOM, 3, RW, 2, 0);
    for (unsigned n = 0; n < 3; n++)
        store(BOTTOM + n);
    fork_into(Q);
    mark();
    punch(2, 1, 1);
    expect_frames(FRAME_CACHE, -1);
    load(BOTTOM);
    expect_fault(FAULT_OUTCOMES);
    load(BOTTOM + 1);
    expect_value(0);
    store(BOTTOM + 1);
    on(1, Q);
    load(BOTTOM + 1);
    load(BOTTOM + 2);
}

static void a_hole_leaves_private_copies(void)
{
    start(P);
    map_file(BOTTOM, 2, RW, 2, 0);
    map_shared(STACK, 2, RW, 2, 0);
    store(STACK);
    store(STACK + 1);
    store(BOTTOM);
    load(BOTTOM + 1);
    punch(2, 0, 2);
    load(BOTTOM);
    expect_fault(FAULT_OUTCOMES);
    load(BOTTOM + 1);
    expect_fault(FAULT_FILE_MAPPED);
    expect_value(0);
}

static void a_hole_behind_the_end_is_nothing(void)
{
    start(P);
    map_shared(BOTTOM, 2, RW, 2, 0);
    store(BOTTOM);
    truncate_object(2, 1);
    punch(2, 1, 3);
    load(BOTTOM);
    load(BOTTOM + 1);
    expect_error(FAULT_NO_PAGE);
}

static const struct test tests[] = {
    TEST(a_write_after_a_writeback_is_seen),      TEST(a_writeback_cleans_its_range_only),
    TEST(a_writeback_reaches_every_mapping),      TEST(a_writeback_changes_shared_tables_in_place),
    TEST(a_page_stays_dirty_when_its_entry_goes), TEST(private_copies_are_not_cleaned),
    TEST(a_hole_reads_as_zeros_in_every_mapping), TEST(a_hole_leaves_private_copies),
    TEST(a_hole_behind_the_end_is_nothing),
};

const struct test_file writeback_tests = {tests, ARRAY_SIZE(tests)};
