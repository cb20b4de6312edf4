/* Tests of remap: what moves goes with its contents, its rights and its tables, and bytes stay where
   they are. After each operation, the checks compare memory and regions with the model. */

#include "test.h"

static void a_page_moves_without_a_copy(void)
{
    start(P);
    map(GIB, 2, RW);
    map(BOTTOM, 1, RW);
    store(GIB);
    store(GIB + 1);
    store(BOTTOM);
    mark();
    remap(GIB, 2, BOTTOM + 1, 2, F_FIXED);
    expect_error(0);
    expect_frames(FRAME_ANON, 0);
    load(BOTTOM + 1);
    expect_fault(FAULT_OUTCOMES);
    load(GIB);
    expect_fault(FAULT_NOT_MAPPED);
}

static void a_whole_leaf_table_moves_by_its_entry(void)
{
    start(P);
    map(TWIN, TWIN_LEAF_PLACES, RW);
    map(TWIN_2 + 6, 1, RW); /* so that there is a table of level 2 */
    store(TWIN);
    store(TWIN + 4);
    load(TWIN_2 + 6);
    mark();
    remap(TWIN, TWIN_LEAF_PLACES, TWIN_2, TWIN_LEAF_PLACES, F_FIXED);
    expect_frames(FRAME_ANON, 0);
    expect_frames(FRAME_TABLE, -1); /* the source had a table of level 2 to itself */
    load(TWIN_2 + 4);
    expect_fault(FAULT_OUTCOMES);
    store(TWIN_2);
    expect_fault(FAULT_OUTCOMES);
}

static void a_whole_middle_table_moves_by_its_entry(void)
{
    start(P);
    map(TWIN, TWIN_PLACES, RW);
    store(TWIN + 1);
    store(TWIN + 7);
    mark();
    remap(TWIN, TWIN_PLACES, TWIN_2, TWIN_PLACES, F_FIXED);
    expect_frames(FRAME_TABLE, 0); /* the one of level 3 serves both */
    load(TWIN_2 + 7);
    expect_fault(FAULT_OUTCOMES);
    remap(TWIN_2, TWIN_PLACES, TWIN, TWIN_PLACES, F_FIXED);
    expect_frames(FRAME_TABLE, 0);
    load(TWIN + 1);
    expect_fault(FAULT_OUTCOMES);
}

static void a_table_that_is_shared_moves_as_a_copy(void)
{
    start(P);
    map(TWIN, TWIN_LEAF_PLACES, RW);
    store(TWIN);
    fork_into(Q);
    remap(TWIN, TWIN_LEAF_PLACES, TWIN_2, TWIN_LEAF_PLACES, F_FIXED);
    load(TWIN_2);
    store(TWIN_2);
    expect_fault(FAULT_COPIED);
    on(1, Q);
    load(TWIN);
    load(TWIN_2);
    expect_fault(FAULT_NOT_MAPPED);
}

static void truncation_finds_what_has_moved(void)
{
    start(P);
    map_file(TWIN, 2, RW, 0, 0);
    map_shared(TWIN + 3, 2, RW, 1, 0);
    load(TWIN);
    store(TWIN + 3);
    fork_into(Q);
    remap(TWIN, TWIN_LEAF_PLACES, TWIN_2, TWIN_LEAF_PLACES, F_FIXED);
    truncate_object(0, 0);
    truncate_object(1, 0);
    load(TWIN_2);
    expect_fault(FAULT_NO_PAGE);
    load(TWIN_2 + 3);
    expect_fault(FAULT_NO_PAGE);
}

static void a_mapping_in_the_way_goes(void)
{
    start(P);
    map(TWIN, TWIN_LEAF_PLACES, RW);
    map(TWIN_2, TWIN_LEAF_PLACES, RW);
    store(TWIN);
    store(TWIN_2);
    store(TWIN_2 + 4);
    mark();
    remap(TWIN, TWIN_LEAF_PLACES, TWIN_2, TWIN_LEAF_PLACES, F_FIXED);
    expect_frames(FRAME_ANON, -2);
    load(TWIN_2);
    expect_fault(FAULT_OUTCOMES);
    load(TWIN_2 + 4);
    expect_fault(FAULT_ZERO_MAPPED);
}

static void what_is_kept_is_empty(void)
{
    start(P);
    map(BOTTOM, 1, RW);
    map_file(BOTTOM + 1, 1, RW, 0, 0);
    store(BOTTOM);
    store(BOTTOM + 1);
    remap(BOTTOM, 2, BOTTOM + 4, 2, F_FIXED | F_KEEP);
    load(BOTTOM);
    expect_fault(FAULT_ZERO_MAPPED);
    load(BOTTOM + 1);
    expect_fault(FAULT_FILE_MAPPED);
    load(BOTTOM + 4);
    expect_fault(FAULT_OUTCOMES);
    load(BOTTOM + 5);
    expect_fault(FAULT_OUTCOMES);
}

static void held_and_dirty_pages_stay_so(void)
{
    start(P);
    map_shared(BOTTOM, 2, RW, 0, 0);
    store(BOTTOM);
    store(BOTTOM + 1);
    protect(BOTTOM + 1, 1, NONE);
    remap(BOTTOM, 2, GIB + 3, 2, F_FIXED);
    load(GIB + 4);
    expect_fault(FAULT_NOT_ALLOWED);
    protect(GIB + 4, 1, RW);
    load(GIB + 4);
    expect_fault(FAULT_OUTCOMES);
}

static void a_region_grows_shrinks_and_moves_if_it_must(void)
{
    start(P);
    map_file(BOTTOM, 2, RW, 0, 1);
    store(BOTTOM + 1);
    remap(BOTTOM, 2, 0, 4, 0);
    expect_value(places[BOTTOM].start);
    load(BOTTOM + 3);
    remap(BOTTOM, 4, 0, 1, 0);
    expect_value(places[BOTTOM].start);
    map(BOTTOM + 1, 1, RW);
    remap(BOTTOM, 1, 0, 2, 0);
    expect_error(-ENOMEM);
    remap(BOTTOM, 1, 0, 2, F_MAY_MOVE);
    expect_value(places[TOP + 6].start);
    load(TOP + 7);
}

static void a_shared_region_is_doubled(void)
{
    start(P);
    map_shared(BOTTOM, 2, RW, 0, 1);
    store(BOTTOM);
    remap(BOTTOM, 0, GIB, 2, F_FIXED);
    load(GIB);
    store(GIB + 1);
    load(BOTTOM + 1);
    map(BOTTOM + 4, 1, RW);
    remap(BOTTOM + 4, 0, GIB, 1, F_FIXED);
    expect_error(-EINVAL);
}

/* The ranges have shared tables at each level, regions to cut, and pages to replace. */
static void entries_move_between_shared_tables(void)
{
    start(P);
    map(GIB, 8, RW);
    map(HALF_TIB, 8, RW);
    store(GIB + 3);
    store(GIB + 4);
    store(HALF_TIB + 2);
    store(HALF_TIB + 4);
    fork_into(Q);
    remap(GIB + 2, 4, HALF_TIB + 1, 4, F_FIXED);
    store(HALF_TIB + 2);
    load(HALF_TIB + 3);
    on(1, Q);
    load(HALF_TIB + 4);
    load(GIB + 3);
}

/* The old range ends inside a second region, which must be whole again if memory runs out. */
static void a_move_shrinks_across_regions(void)
{
    start(P);
    map(BOTTOM, 2, RW);
    map(BOTTOM + 2, 4, READ);
    store(BOTTOM);
    load(BOTTOM + 3);
    load(BOTTOM + 4);
    remap(BOTTOM, 4, GIB, 1, F_FIXED);
    load(GIB);
    expect_fault(FAULT_OUTCOMES);
    load(BOTTOM + 3);
    expect_fault(FAULT_NOT_MAPPED);
    load(BOTTOM + 4);
    expect_fault(FAULT_OUTCOMES);
}

/* Moves a leaf table's span by the raw call, which knows no places. */
static void move_raw(uaddr_t from, uaddr_t to)
{
    const struct remap_request request = {
        .from = from,
        .old_len = level_span(LEAF_LEVEL + 1),
        .new_len = level_span(LEAF_LEVEL + 1),
        .to = to,
        .may_move = true,
        .fixed = true,
    };
    uaddr_t start;

    expect(vspace_remap(vspace_now(), &request, &start) == 0 && start == to, "it moves");
}

static void a_table_moves_by_entries_to_other_places_in_a_table(void)
{
    uaddr_t from = places[TWIN].start, to = places[TWIN_2].start + 3 * PAGE_SIZE;

    start(P);
    map(TWIN, TWIN_LEAF_PLACES, RW);
    store(TWIN);
    store(TWIN + 4);
    move_raw(from, to);
    struct pagetable *pt = &vspace_now()->pagetable;
    expect(pagetable_walk(pt, to).leaf, "the first page is there");
    expect(!pagetable_walk(pt, to - PAGE_SIZE).leaf, "no page is before it");
    expect(pagetable_walk(pt, to + level_span(LEAF_LEVEL + 1) - PAGE_SIZE).leaf, "so is the last");
    move_raw(to, from);
    check_unchanged();
}

static void a_stale_translation_is_flushed(void)
{
    start(P);
    map(BOTTOM, 1, RW);
    map(TWIN, TWIN_PLACES, RW);
    store(BOTTOM);
    store(TWIN);
    thread_on(1);
    store(BOTTOM);
    store(TWIN);
    on(0, P);
    remap(BOTTOM, 1, BOTTOM + 2, 1, F_FIXED);
    remap(TWIN, TWIN_PLACES, TWIN_2, TWIN_PLACES, F_FIXED);
    on(1, P);
    load(BOTTOM);
    expect_fault(FAULT_NOT_MAPPED);
    load(TWIN);
    expect_fault(FAULT_NOT_MAPPED);
}

static const struct test remap_list[] = {
    TEST(a_page_moves_without_a_copy),
    TEST(a_whole_leaf_table_moves_by_its_entry),
    TEST(a_whole_middle_table_moves_by_its_entry),
    TEST(a_table_that_is_shared_moves_as_a_copy),
    TEST(truncation_finds_what_has_moved),
    TEST(a_mapping_in_the_way_goes),
    TEST(what_is_kept_is_empty),
    TEST(held_and_dirty_pages_stay_so),
    TEST(a_region_grows_shrinks_and_moves_if_it_must),
    TEST(a_shared_region_is_doubled),
    TEST(entries_move_between_shared_tables),
    TEST(a_move_shrinks_across_regions),
    TEST_ONCE(a_table_moves_by_entries_to_other_places_in_a_table),
    TEST(a_stale_translation_is_flushed),
};

const struct test_file remap_tests = {remap_list, ARRAY_SIZE(remap_list)};
