/* Tests for every row of the table at the head of kernel/vm/fault.c, in its order. */

#include <string.h>
#include "test.h"

/* ---- region: none ---- */

static void where_nothing_is_mapped_every_access_fails(void)
{
    start(P);
    load(BOTTOM);
    expect_error(FAULT_NOT_MAPPED);
    store(BOTTOM);
    expect_error(FAULT_NOT_MAPPED);
    fetch(BOTTOM);
    expect_error(FAULT_NOT_MAPPED);
}

static void above_the_break_nothing_is_mapped(void)
{
    start(P);
    move_break(1);
    store(HEAP);
    expect_fault(FAULT_ZERO_FILLED);
    store(HEAP + 1);
    expect_error(FAULT_NOT_MAPPED);
}

/* The addresses lie in the guard, in the null page, in the kernel's half, and in the last page
   of the lower half. */
static void outside_of_what_a_program_has_nothing_is_mapped(void)
{
    const uaddr_t addresses[] = {places[STACK].start - 8, 0, DIRECT_MAP_BASE, USER_END};

    start(P);
    for (unsigned n = 0; n < ARRAY_SIZE(addresses); n++) {
        load_address(addresses[n]);
        expect_error(FAULT_NOT_MAPPED);
    }
}

/* ---- allowed: no ---- */

static void a_write_to_a_read_only_region_is_not_allowed(void)
{
    start(P);
    map(BOTTOM, 1, READ);
    store(BOTTOM);
    expect_error(FAULT_NOT_ALLOWED);
    load(BOTTOM);
    store(BOTTOM);
    expect_error(FAULT_NOT_ALLOWED);
}

static void a_fetch_from_data_is_not_allowed(void)
{
    start(P);
    map(BOTTOM, 1, RW);
    fetch(BOTTOM);
    expect_error(FAULT_NOT_ALLOWED);
    store(BOTTOM);
    fetch(BOTTOM);
    expect_error(FAULT_NOT_ALLOWED);
}

static void without_any_right_nothing_is_allowed(void)
{
    start(P);
    map(BOTTOM, 1, NONE);
    load(BOTTOM);
    expect_error(FAULT_NOT_ALLOWED);
    store(BOTTOM);
    expect_error(FAULT_NOT_ALLOWED);
    fetch(BOTTOM);
    expect_error(FAULT_NOT_ALLOWED);
}

static void what_may_be_written_or_run_may_be_read(void)
{
    start(P);
    map(BOTTOM, 1, PROT_W);
    map(BOTTOM + 1, 1, PROT_X);
    load(BOTTOM);
    expect_error(0);
    load(BOTTOM + 1);
    expect_error(0);
}

/* ---- the walk: enough ---- */

/* CPU 1 caches the page as read-only. Then CPU 0 reuses the page, which needs no shootdown. */
static void if_another_cpu_was_first_the_fault_is_spurious(void)
{
    start(P);
    store(STACK);
    fork_into(Q);
    on(2, Q);
    leave();
    on(0, P);
    thread_on(1);
    load(STACK);
    on(0, P);
    store(STACK);
    expect_fault(FAULT_REUSED);
    on(1, P);
    store(STACK);
    expect_fault(FAULT_SPURIOUS);
}

/* ---- shared, absent ---- */

static void a_first_read_of_shared_memory_maps_the_objects_page(void)
{
    start(P);
    map_shared(BOTTOM, 2, RW, 0, 3);
    load(BOTTOM + 1);
    expect_fault(FAULT_SHARED_MAPPED);
    expect_value(object_initial(0, 4, 0));
}

static void a_first_write_to_shared_memory_maps_the_objects_page_for_writing(void)
{
    start(P);
    map_shared(BOTTOM, 1, RW, 2, 0);
    mark();
    store(BOTTOM);
    expect_fault(FAULT_SHARED_MAPPED);
    expect_frames(FRAME_CACHE, 1);
    expect_frames(FRAME_ANON, 0);
    store(BOTTOM);
    expect_fault(FAULT_OUTCOMES);
}

static void beyond_the_end_of_the_object_there_is_no_page(void)
{
    start(P);
    map_shared(BOTTOM, 2, RW, 2, OBJECT_PAGES - 1);
    load(BOTTOM);
    expect_error(0);
    load(BOTTOM + 1);
    expect_error(FAULT_NO_PAGE);
    map_file(BOTTOM, 2, RW, 0, OBJECT_PAGES - 1);
    store(BOTTOM + 1);
    expect_error(FAULT_NO_PAGE);
}

static void an_unreadable_page_of_a_file_is_no_page(void)
{
    start(P);
    map_shared(BOTTOM, 1, RW, 0, FILE_BAD_PAGE);
    load(BOTTOM);
    expect_error(FAULT_NO_PAGE);
    map_file(BOTTOM, 1, RW, 0, FILE_BAD_PAGE);
    load(BOTTOM);
    expect_error(FAULT_NO_PAGE);
}

/* ---- shared, not enough ---- */

static void a_first_write_after_a_read_makes_the_shared_page_dirty(void)
{
    start(P);
    map_shared(BOTTOM, 1, RW, 0, 0);
    load(BOTTOM);
    store(BOTTOM);
    expect_fault(FAULT_SHARED_DIRTIED);
    store(BOTTOM);
    expect_fault(FAULT_OUTCOMES);
}

static void counts_do_not_keep_sharers_from_writing(void)
{
    start(P);
    map_shared(BOTTOM, 1, RW, 0, 0);
    load(BOTTOM);
    fork_into(Q);
    mark();
    store(BOTTOM);
    on(1, Q);
    load(BOTTOM);
    store(BOTTOM);
    expect_frames(FRAME_ANON, 0);
    on(0, P);
    load(BOTTOM);
}

/* ---- private, absent, a read ---- */

static void a_first_read_maps_the_zero_page(void)
{
    start(P);
    map(BOTTOM, 2, RW);
    load(BOTTOM + 1);
    mark();
    load(BOTTOM);
    expect_fault(FAULT_ZERO_MAPPED);
    expect_value(0);
    expect_frames(FRAME_ANON, 0);
}

static void a_first_read_of_a_file_maps_the_files_own_page(void)
{
    start(P);
    map_file(BOTTOM, 2, RW, 1, 5);
    load(BOTTOM + 1);
    expect_fault(FAULT_FILE_MAPPED);
    expect_value(object_initial(1, 6, 0));
}

static void a_first_read_of_the_stack_gets_a_frame_at_once(void)
{
    start(P);
    mark();
    load(STACK);
    expect_fault(FAULT_ZERO_FILLED);
    expect_frames(FRAME_ANON, 1);
    store(STACK);
    expect_fault(FAULT_OUTCOMES);
}

static void where_the_file_ends_within_the_page_a_first_read_copies(void)
{
    start(P);
    map_file_in_part(BOTTOM, 1, RW, 0, 2);
    load(BOTTOM);
    expect_fault(FAULT_FILE_COPIED);
    store(BOTTOM);
    expect_fault(FAULT_OUTCOMES);
}

/* ---- private, absent, a write ---- */

static void a_first_write_fills_a_frame_with_zeros(void)
{
    start(P);
    map(BOTTOM, 2, RW);
    store(BOTTOM + 1);
    mark();
    store(BOTTOM);
    expect_fault(FAULT_ZERO_FILLED);
    expect_frames(FRAME_ANON, 1);
}

static void a_first_write_to_a_private_file_copies_its_page(void)
{
    start(P);
    map_file(BOTTOM, 1, RW, 0, 0);
    store(BOTTOM);
    expect_fault(FAULT_FILE_COPIED);
    map_shared(BOTTOM + 1, 1, READ, 0, 0);
    load(BOTTOM + 1);
    expect_value(object_initial(0, 0, 0));
}

/* ---- private, not enough ---- */

static void a_write_to_the_zero_page_fills_a_frame(void)
{
    start(P);
    map(BOTTOM, 1, RW);
    load(BOTTOM);
    store(BOTTOM);
    expect_fault(FAULT_ZERO_FILLED);
}

static void a_write_to_a_files_own_page_copies_it(void)
{
    start(P);
    map_file(BOTTOM, 1, RW, 0, 0);
    load(BOTTOM);
    store(BOTTOM);
    expect_fault(FAULT_COPIED);
}

static void a_write_to_a_page_that_others_have_copies_it(void)
{
    start(P);
    store(STACK);
    fork_into(Q);
    mark();
    store(STACK);
    expect_fault(FAULT_COPIED);
    expect_frames(FRAME_ANON, 1);
    on(1, Q);
    load(STACK);
}

static void the_last_owner_takes_the_page(void)
{
    start(P);
    store(STACK);
    fork_into(Q);
    store(STACK);
    on(1, Q);
    mark();
    store(STACK);
    expect_fault(FAULT_REUSED);
    expect_frames(FRAME_ANON, 0);
}

static void the_last_owner_takes_the_tables_too(void)
{
    start(P);
    store(STACK);
    fork_into(Q);
    on(1, Q);
    leave();
    on(0, P);
    mark();
    store(STACK);
    expect_fault(FAULT_REUSED);
    expect_frames(FRAME_TABLE, 0);
}

/* ---- no memory ---- */

static void without_memory_the_access_fails_and_nothing_changes(void)
{
    start(P);
    map(BOTTOM, 1, RW);
    fail_next(1);
    store(BOTTOM);
    expect_error(FAULT_NO_MEMORY);
    store(BOTTOM);
    expect_fault(FAULT_ZERO_FILLED);
}

static void every_outcome_has_a_name_and_is_counted(void)
{
    uint64_t of_all[FAULT_OUTCOMES], of_space[FAULT_OUTCOMES];

    start(P);
    map(BOTTOM, 1, RW);
    if (!vspace_now())
        return;
    for (unsigned n = 0; n < FAULT_OUTCOMES; n++) {
        of_all[n] = fault_total(n);
        of_space[n] = vspace_fault_count(vspace_now(), n);
    }
    load(BOTTOM);
    for (unsigned n = 0; n < FAULT_OUTCOMES; n++) {
        unsigned ended = n == FAULT_ZERO_MAPPED;

        expect(fault_outcome_name(n) != NULL, "a name");
        expect(fault_total(n) - of_all[n] == ended, "one fault counted");
        expect(vspace_fault_count(vspace_now(), n) - of_space[n] == ended, "and for the space");
    }
}

/* ---- Explanations ---- */

static void expect_words(uaddr_t addr, unsigned access, enum fault_outcome outcome,
                         const char *words)
{
    char text[128];

    if (!vspace_now())
        return;
    fault_explain(vspace_now(), addr, access, outcome, text, sizeof(text));
    expect(strcmp(text, words) == 0, words);
}

static void a_person_is_told_why(void)
{
    start(P);
    map(BOTTOM, 1, READ);
    expect_words(8, 0, FAULT_NOT_MAPPED, "not mapped: a null pointer");
    expect_words(DIRECT_MAP_BASE, 0, FAULT_NOT_MAPPED, "not a user address");
    expect_words(places[STACK].start - 8, 0, FAULT_NOT_MAPPED,
                 "not mapped: below the stack limit, in the guard");
    expect_words(places[HEAP].start + 5, 0, FAULT_NOT_MAPPED,
                 "not mapped: 5 bytes above the break");
    expect_words(places[GIB].start, 0, FAULT_NO_MEMORY, "out of memory");
    expect_words(places[HALF_TIB].start, 0, FAULT_NOT_MAPPED, "not mapped");
    expect_words(places[BOTTOM].start, FAULT_WRITE, FAULT_NOT_ALLOWED,
                 "not allowed: region 10000-11000 is not writable");
    expect_words(places[BOTTOM].start, FAULT_EXEC, FAULT_NOT_ALLOWED,
                 "not allowed: region 10000-11000 is not executable");
    expect_words(places[BOTTOM].start, 0, FAULT_NO_PAGE,
                 "no page: beyond the end of the file, or unreadable");
}

static const struct test tests[] = {
    TEST(where_nothing_is_mapped_every_access_fails),
    TEST(above_the_break_nothing_is_mapped),
    TEST(outside_of_what_a_program_has_nothing_is_mapped),
    TEST(a_write_to_a_read_only_region_is_not_allowed),
    TEST(a_fetch_from_data_is_not_allowed),
    TEST(without_any_right_nothing_is_allowed),
    TEST(what_may_be_written_or_run_may_be_read),
    TEST(if_another_cpu_was_first_the_fault_is_spurious),
    TEST(a_first_read_of_shared_memory_maps_the_objects_page),
    TEST(a_first_write_to_shared_memory_maps_the_objects_page_for_writing),
    TEST(beyond_the_end_of_the_object_there_is_no_page),
    TEST(an_unreadable_page_of_a_file_is_no_page),
    TEST(a_first_write_after_a_read_makes_the_shared_page_dirty),
    TEST(counts_do_not_keep_sharers_from_writing),
    TEST(a_first_read_maps_the_zero_page),
    TEST(a_first_read_of_a_file_maps_the_files_own_page),
    TEST(a_first_read_of_the_stack_gets_a_frame_at_once),
    TEST(where_the_file_ends_within_the_page_a_first_read_copies),
    TEST(a_first_write_fills_a_frame_with_zeros),
    TEST(a_first_write_to_a_private_file_copies_its_page),
    TEST(a_write_to_the_zero_page_fills_a_frame),
    TEST(a_write_to_a_files_own_page_copies_it),
    TEST(a_write_to_a_page_that_others_have_copies_it),
    TEST(the_last_owner_takes_the_page),
    TEST(the_last_owner_takes_the_tables_too),
    TEST(without_memory_the_access_fails_and_nothing_changes),
    TEST(every_outcome_has_a_name_and_is_counted),
    TEST(a_person_is_told_why),
};

const struct test_file fault_tests = {tests, ARRAY_SIZE(tests)};
