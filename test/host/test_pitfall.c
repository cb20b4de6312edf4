/* Tests for the consequences of the four rules that are easy to get wrong (docs/design.md,
   section 1), in the order of that list. */

#include <linux/errno.h>
#include "test.h"

/* ---- "Mine" is the whole path ---- */

/* The frame has one reference, and its table has two. */
static void a_frame_with_one_reference_in_a_shared_table_is_shared(void)
{
    start(P);
    store(STACK);
    fork_into(Q);
    on(1, Q);
    store(STACK);
    expect_fault(FAULT_COPIED);
    on(0, P);
    load(STACK);
}

static void a_fork_copies_no_table_but_the_root(void)
{
    start(P);
    map(BOTTOM, GUARD - BOTTOM, RW);
    store(BOTTOM);
    store(GIB);
    store(HALF_TIB);
    mark();
    fork_into(Q);
    expect_frames(FRAME_TABLE, 1);
    expect_frames(FRAME_ANON, 0);
}

/* ---- A copied table: W is cleared in both ---- */

/* The child copies the leaf table because of another page. The parent then reuses the table that
   is left behind, but must copy the page. */
static void the_table_that_is_left_behind_grants_nothing(void)
{
    start(P);
    store(STACK);
    store(STACK + 1);
    fork_into(Q);
    on(1, Q);
    store(STACK + 1);
    on(0, P);
    store(STACK + 1);
    store(STACK);
    expect_fault(FAULT_COPIED);
    on(1, Q);
    load(STACK);
}

static void the_copy_of_a_table_grants_nothing(void)
{
    start(P);
    store(STACK);
    store(STACK + 1);
    fork_into(Q);
    on(1, Q);
    store(STACK + 1);
    store(STACK);
    expect_fault(FAULT_COPIED);
    on(0, P);
    load(STACK);
}

static void a_copied_table_keeps_the_write_bits_of_shared_memory(void)
{
    start(P);
    map_shared(BOTTOM, 1, RW, 2, 0);
    store(BOTTOM);
    fork_into(Q);
    store(BOTTOM);
    expect_fault(FAULT_REUSED);
    on(1, Q);
    load(BOTTOM);
}

/* Three processes share a table. Two of them copy it, and the last reuses it. */
static void three_sharers_of_a_table_end_with_one_each(void)
{
    start(P);
    store(STACK);
    fork_into(Q);
    fork_into(R);
    mark();
    store(STACK);
    on(1, Q);
    store(STACK);
    on(2, R);
    store(STACK);
    expect_fault(FAULT_REUSED);
    expect_frames(FRAME_ANON, 2);
    on(0, P);
    load(STACK);
    on(1, Q);
    load(STACK);
}

/* ---- Replacing a table ---- */

/* CPU 1 caches the old table. The child reuses that table as soon as the child is its last
   holder. */
static void who_remembers_a_replaced_table_is_told_before_it_is_dropped(void)
{
    start(P);
    store(STACK);
    thread_on(1);
    on(0, P);
    fork_into(Q);
    on(1, P);
    load(STACK + 1);
    on(0, P);
    store(STACK + 1);
    on(2, Q);
    store(STACK + 1);
    store(STACK);
    on(1, P);
    load(STACK + 1);
    load(STACK);
}

/* ---- Replacing a frame ---- */

static void who_remembers_a_replaced_frame_is_told(void)
{
    start(P);
    store(STACK);
    fork_into(Q);
    thread_on(1);
    load(STACK);
    on(0, P);
    store(STACK);
    expect_fault(FAULT_COPIED);
    on(1, P);
    load(STACK);
}

static void who_remembers_the_zero_page_is_told(void)
{
    start(P);
    map(BOTTOM, 1, RW);
    thread_on(1);
    load(BOTTOM);
    on(0, P);
    store(BOTTOM);
    on(1, P);
    load(BOTTOM);
}

static void a_copy_is_writable_at_once_where_nobody_else_runs(void)
{
    start(P);
    store(STACK);
    fork_into(Q);
    store(STACK);
    expect_fault(FAULT_COPIED);
    store(STACK);
    expect_fault(FAULT_OUTCOMES);
}

static void a_copy_is_writable_in_the_end_where_others_run(void)
{
    start(P);
    store(STACK);
    fork_into(Q);
    thread_on(1);
    load(STACK);
    on(0, P);
    store(STACK);
    expect_fault(FAULT_COPIED);
    store(STACK);
    expect_fault(FAULT_OUTCOMES);
}

/* ---- Only gaining rights ---- */

/* CPU 1 caches the path to the table as read-only. */
static void a_table_that_is_taken_needs_no_shootdown(void)
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
    on(1, P);
    store(STACK);
    expect_fault(FAULT_SPURIOUS);
    store(STACK + 1);
}

/* ---- fork ---- */

static void after_a_fork_nobody_writes_through_what_he_remembers(void)
{
    start(P);
    store(STACK);
    thread_on(1);
    store(STACK);
    on(0, P);
    fork_into(Q);
    on(1, P);
    store(STACK);
    expect_fault(FAULT_COPIED);
    on(2, Q);
    load(STACK);
}

static void a_failed_fork_leaves_no_child(void)
{
    start(P);
    store(STACK);
    for (unsigned nth = 1; nth < 6; nth++) {
        fail_next(nth);
        fork_into(Q);
        expect_error(-ENOMEM);
    }
}

/* ---- Whole tables leave ---- */

static void unmapping_all_that_a_shared_table_holds_copies_nothing(void)
{
    start(P);
    map(GIB, 8, RW);
    store(GIB);
    store(GIB + 7);
    fork_into(Q);
    on(1, Q);
    mark();
    unmap(GIB, 8);
    expect_frames(FRAME_ANON, 0);
    on(0, P);
    load(GIB);
    load(GIB + 7);
}

static void tables_go_with_the_last_region_in_them(void)
{
    start(P);
    load(PROGRAM); /* keeps the tables above */
    mark();
    map(GIB, 8, RW);
    store(GIB);
    store(GIB + 7);
    unmap(GIB + 1, 6);
    unmap(GIB, 1);
    unmap(GIB + 7, 1);
    expect_frames(FRAME_TABLE, 0);
    expect_frames(FRAME_ANON, 0);
}

/* ---- Allocate first, then change ---- */

/* The range needs copies of two leaf tables, and each request for memory fails in turn. */
static void an_unmap_that_fails_has_changed_nothing(void)
{
    start(P);
    map(PROGRAM + 4, 8, RW);
    store(PROGRAM + 6);
    store(PROGRAM + 9);
    fork_into(Q);
    for (unsigned nth = 1; nth < 5; nth++) {
        fail_next(nth);
        unmap(PROGRAM + 5, 6);
        expect_error(-ENOMEM);
    }
}

static void a_protect_that_fails_has_changed_nothing(void)
{
    start(P);
    map(PROGRAM + 4, 8, RW);
    store(PROGRAM + 6);
    store(PROGRAM + 9);
    fork_into(Q);
    for (unsigned nth = 1; nth < 5; nth++) {
        fail_next(nth);
        protect(PROGRAM + 5, 6, READ);
        expect_error(-ENOMEM);
    }
}

static void a_map_over_another_that_fails_has_changed_nothing(void)
{
    start(P);
    map(PROGRAM + 4, 8, RW);
    store(PROGRAM + 6);
    fork_into(Q);
    for (unsigned nth = 1; nth < 5; nth++) {
        fail_next(nth);
        map(PROGRAM + 5, 6, READ);
        expect_error(-ENOMEM);
    }
}

static void an_exit_allocates_nothing(void)
{
    start(P);
    store(STACK);
    fork_into(Q);
    store(STACK);
    fail_next(1);
    leave();
    expect_error(0);
    expect(shortage_ahead(), "no request for memory");
    shortage_at(0);
    on(1, Q);
    load(STACK);
}

/* ---- Accessed and dirty bits ---- */

/* The checks look for the dirty bit of every page that was written. */
static void dirty_bits_outlive_a_change_of_rights(void)
{
    start(P);
    map_shared(BOTTOM, 1, RW, 0, 0);
    store(BOTTOM);
    protect(BOTTOM, 1, READ);
    protect(BOTTOM, 1, NONE);
    protect(BOTTOM, 1, RW);
    load(BOTTOM);
}

static void dirty_bits_outlive_the_copy_of_a_table(void)
{
    start(P);
    map_shared(BOTTOM, 2, RW, 0, 0);
    store(BOTTOM);
    fork_into(Q);
    store(BOTTOM + 1);
    on(1, Q);
    load(BOTTOM + 1);
}

/* ---- The kernel writes through the fault handler ---- */

static void the_kernel_copies_before_it_writes_what_others_have(void)
{
    start(P);
    store(STACK);
    store(STACK + 1);
    fork_into(Q);
    mark();
    copy_out(STACK);
    expect_error(0);
    expect_frames(FRAME_ANON, 2);
    on(1, Q);
    load(STACK + 1);
}

static void the_kernel_keeps_promises_that_nobody_has_called_in(void)
{
    start(P);
    map(BOTTOM, 2, RW);
    copy_in(BOTTOM);
    expect_error(0);
    copy_out(BOTTOM);
    expect_error(0);
    load(BOTTOM + 1);
}

static void a_string_may_run_on_into_an_untouched_page(void)
{
    start(P);
    map(BOTTOM, 2, RW);
    copy_out(BOTTOM);
    unmap(BOTTOM + 1, 1);
    string_in(BOTTOM);
    expect_error(-EFAULT);
    map(BOTTOM + 1, 1, RW);
    string_in(BOTTOM);
    expect_value(8);
}

static void a_copy_stops_where_the_promises_end(void)
{
    start(P);
    map(BOTTOM, 1, RW);
    copy_out(BOTTOM);
    expect_error(-EFAULT);
    expect_value(8);
    copy_in(STACK + 7);
    expect_error(-EFAULT);
    expect_value(8);
}

static void the_kernel_may_not_write_what_the_program_may_not(void)
{
    start(P);
    map(BOTTOM, 2, READ);
    copy_in(BOTTOM);
    expect_error(0);
    copy_out(BOTTOM);
    expect_value(0);
}

static void the_kernel_reads_for_another_process_what_that_may_read(void)
{
    start(P);
    store(STACK);
    map(BOTTOM, 1, RW);
    fork_into(Q);
    on(1, Q);
    peek(STACK);
    expect_error(0);
    peek(BOTTOM);
    expect_error(0);
    protect(STACK, 1, NONE);
    peek(STACK);
    expect_error(-EFAULT);
    unmap(BOTTOM, 1);
    peek(BOTTOM);
    expect_error(-EFAULT);
}

/* A debugger writes where the program may not. The page becomes the process's own, and stays
   read-only. */
static void a_debugger_writes_a_copy_of_a_files_page(void)
{
    start(P);
    map_file(BOTTOM, 1, RX, 0, 0);
    fetch(BOTTOM);
    fork_into(Q);
    mark();
    poke(BOTTOM);
    expect_frames(FRAME_ANON, 1);
    poke(BOTTOM);
    expect_frames(FRAME_ANON, 1);
    store(BOTTOM);
    expect_fault(FAULT_NOT_ALLOWED);
    load(BOTTOM);
    on(1, Q);
    load(BOTTOM);
}

static void a_debugger_writes_what_a_fork_has_shared(void)
{
    start(P);
    map(BOTTOM, 2, RW);
    store(BOTTOM);
    store(BOTTOM + 1);
    protect(BOTTOM, 1, READ);
    fork_into(Q);
    on(1, Q);
    load(BOTTOM);
    load(BOTTOM + 1);
    on(0, P);
    poke(BOTTOM);
    poke(BOTTOM + 1);
    on(1, Q);
    load(BOTTOM);
    load(BOTTOM + 1);
    poke(BOTTOM);
    load(BOTTOM);
}

/* The other thread has the page in its TLB. */
static void a_debuggers_copy_is_seen_by_each_thread(void)
{
    start(P);
    map_file(BOTTOM, 1, READ, 0, 0);
    load(BOTTOM);
    thread_on(1);
    load(BOTTOM);
    on(0, P);
    poke(BOTTOM);
    load(BOTTOM);
    on(1, P);
    load(BOTTOM);
}

static void a_debugger_sees_what_nobody_may_touch(void)
{
    start(P);
    map(BOTTOM, 3, RW);
    store(BOTTOM);
    protect(BOTTOM, 3, NONE);
    peek(BOTTOM);
    expect_error(-EFAULT);
    forced_peek(BOTTOM);
    forced_peek(BOTTOM + 1);
    poke(BOTTOM + 1);
    poke(BOTTOM + 2);
    poke(BOTTOM);
    load(BOTTOM);
    expect_fault(FAULT_NOT_ALLOWED);
    protect(BOTTOM, 3, RW);
    load(BOTTOM + 1);
    store(BOTTOM + 2);
    load(BOTTOM);
}

static void a_debugger_does_not_change_a_shared_object(void)
{
    start(P);
    map_shared(BOTTOM, 1, READ, 2, 0);
    load(BOTTOM);
    poke(BOTTOM);
    expect_error(-EFAULT);
    protect(BOTTOM, 1, NONE);
    forced_peek(BOTTOM);
    protect(BOTTOM, 1, RW);
    poke(BOTTOM);
    load(BOTTOM);
    poke(BOTTOM + 1);
    expect_error(-EFAULT);
}

/* ---- Many pages in one truncation ---- */

static struct frame *only_page;

static int page_of_many(struct pager *pager __unused, uint64_t index __unused,
                        enum pager_use use __unused, struct frame **frame)
{
    frame_get(*frame = only_page);
    return 0;
}

static void count_no_region(struct pager *pager __unused, bool writes __unused)
{
}

/* Every page of the region is the same frame. The region covers two leaf tables, each with more
   than one batch of pages. */
static void a_truncation_of_many_pages_leaves_none(void)
{
    static const struct pager_ops ops = {
        .page = page_of_many, .get = count_no_region, .put = count_no_region};
    struct pager many;
    const struct map_request request = {.start = level_span(2) - 40 * PAGE_SIZE,
                                        .len = 80 * PAGE_SIZE,
                                        .prot = READ,
                                        .kind = VREGION_MAP,
                                        .fixed = true,
                                        .pager = &many};
    uaddr_t at;

    start(P);
    pager_init(&many, &ops);
    only_page = frame_alloc_zeroed(FRAME_CACHE);
    expect(only_page && !vspace_map(vspace_now(), &request, &at), "a region of 80 pages");
    for (unsigned n = 0; n < 80; n++)
        load_address(at + n * PAGE_SIZE);
    expect(frame_refs(only_page) == 81, "80 pages are there");
    vspace_forget_pages(&many, 1, UINT64_MAX);
    expect(frame_refs(only_page) == 2, "the first page alone is there");
    for (unsigned n = 0; n < 80; n++)
        load_address(at + n * PAGE_SIZE);
    expect(frame_refs(only_page) == 81, "80 pages are there again");
    expect(!vspace_unmap(vspace_now(), at, at + request.len), "the region goes");
    expect(frame_refs(only_page) == 1, "no page is there");
    frame_put(only_page);
    check_unchanged();
}

/* The pages lie in two leaf tables. The child shares the first one only, and has cached its page. */
static void a_truncation_tells_the_sharers_of_any_of_its_tables(void)
{
    start(P);
    map_shared(GIB + 3, 2, RW, 2, 0);
    map(GIB + 6, 1, RW);
    store(GIB + 3);
    store(GIB + 4);
    fork_into(Q);
    on(1, Q);
    load(GIB + 3);
    on(0, P);
    store(GIB + 6);
    truncate_object(2, 0);
    on(1, Q);
    load(GIB + 3);
    expect_error(FAULT_NO_PAGE);
}

static void a_truncation_drops_a_page_that_nobody_may_touch(void)
{
    start(P);
    map_shared(BOTTOM, 1, RW, 2, 0);
    store(BOTTOM);
    protect(BOTTOM, 1, NONE);
    truncate_object(2, 0);
    protect(BOTTOM, 1, READ);
    load(BOTTOM);
    expect_error(FAULT_NO_PAGE);
}

/* ---- PROT_NONE, and gaining X ---- */

static void a_page_that_nobody_may_touch_is_kept(void)
{
    start(P);
    store(STACK);
    mark();
    protect(STACK, 1, NONE);
    load(STACK);
    expect_error(FAULT_NOT_ALLOWED);
    expect_frames(FRAME_ANON, 0);
    protect(STACK, 1, RW);
    load(STACK);
    expect_error(0);
    store(STACK);
}

static void a_page_that_nobody_may_touch_is_copied_by_fork(void)
{
    start(P);
    store(STACK);
    protect(STACK, 1, NONE);
    fork_into(Q);
    protect(STACK, 1, RW);
    store(STACK);
    on(1, Q);
    protect(STACK, 1, RW);
    load(STACK);
    store(STACK);
}

static void a_page_that_nobody_may_touch_is_given_back(void)
{
    start(P);
    store(STACK);
    mark();
    protect(STACK, 1, NONE);
    unmap(STACK, 1);
    expect_frames(FRAME_ANON, -1);
}

static void gaining_x_ends_the_faults(void)
{
    start(P);
    map(BOTTOM, 1, RW);
    store(BOTTOM);
    protect(BOTTOM, 1, RX);
    fetch(BOTTOM);
    expect_error(0);
    expect_fault(FAULT_OUTCOMES);
}

static void losing_rights_is_told_to_who_remembers_them(void)
{
    start(P);
    map(BOTTOM, 1, RW | PROT_X);
    thread_on(1);
    store(BOTTOM);
    fetch(BOTTOM);
    on(0, P);
    protect(BOTTOM, 1, READ);
    on(1, P);
    store(BOTTOM);
    expect_error(FAULT_NOT_ALLOWED);
    fetch(BOTTOM);
    expect_error(FAULT_NOT_ALLOWED);
    on(0, P);
    unmap(BOTTOM, 1);
    on(1, P);
    load(BOTTOM);
    expect_error(FAULT_NOT_MAPPED);
}

/* ---- Many sharers ---- */

/* The count exceeds 8 bits. */
static void three_hundred_may_share(void)
{
    static struct vspace *children[300];
    unsigned n = 0;

    start(P);
    store(STACK);
    if (!vspace_now())
        return;
    while (n < ARRAY_SIZE(children) && !vspace_fork(vspace_now(), &children[n]))
        n++;
    expect(n == ARRAY_SIZE(children), "300 forks");
    check_audit();
    while (n > 0)
        vspace_leave(children[--n]);
    store(STACK);
}

static const struct test tests[] = {
    TEST(a_frame_with_one_reference_in_a_shared_table_is_shared),
    TEST(a_fork_copies_no_table_but_the_root),
    TEST(the_table_that_is_left_behind_grants_nothing),
    TEST(the_copy_of_a_table_grants_nothing),
    TEST(a_copied_table_keeps_the_write_bits_of_shared_memory),
    TEST(three_sharers_of_a_table_end_with_one_each),
    TEST(who_remembers_a_replaced_table_is_told_before_it_is_dropped),
    TEST(who_remembers_a_replaced_frame_is_told),
    TEST(who_remembers_the_zero_page_is_told),
    TEST(a_copy_is_writable_at_once_where_nobody_else_runs),
    TEST(a_copy_is_writable_in_the_end_where_others_run),
    TEST(a_table_that_is_taken_needs_no_shootdown),
    TEST(after_a_fork_nobody_writes_through_what_he_remembers),
    TEST(a_failed_fork_leaves_no_child),
    TEST(unmapping_all_that_a_shared_table_holds_copies_nothing),
    TEST(tables_go_with_the_last_region_in_them),
    TEST(an_unmap_that_fails_has_changed_nothing),
    TEST(a_protect_that_fails_has_changed_nothing),
    TEST(a_map_over_another_that_fails_has_changed_nothing),
    TEST_ONCE(an_exit_allocates_nothing),
    TEST(dirty_bits_outlive_a_change_of_rights),
    TEST(dirty_bits_outlive_the_copy_of_a_table),
    TEST(the_kernel_copies_before_it_writes_what_others_have),
    TEST(the_kernel_keeps_promises_that_nobody_has_called_in),
    TEST(a_string_may_run_on_into_an_untouched_page),
    TEST(a_copy_stops_where_the_promises_end),
    TEST(the_kernel_may_not_write_what_the_program_may_not),
    TEST(the_kernel_reads_for_another_process_what_that_may_read),
    TEST(a_debugger_writes_a_copy_of_a_files_page),
    TEST(a_debugger_writes_what_a_fork_has_shared),
    TEST(a_debuggers_copy_is_seen_by_each_thread),
    TEST(a_debugger_sees_what_nobody_may_touch),
    TEST(a_debugger_does_not_change_a_shared_object),
    TEST_ONCE(a_truncation_of_many_pages_leaves_none),
    TEST(a_truncation_tells_the_sharers_of_any_of_its_tables),
    TEST(a_truncation_drops_a_page_that_nobody_may_touch),
    TEST(a_page_that_nobody_may_touch_is_kept),
    TEST(a_page_that_nobody_may_touch_is_copied_by_fork),
    TEST(a_page_that_nobody_may_touch_is_given_back),
    TEST(gaining_x_ends_the_faults),
    TEST(losing_rights_is_told_to_who_remembers_them),
    TEST_ONCE(three_hundred_may_share),
};

const struct test_file pitfall_tests = {tests, ARRAY_SIZE(tests)};
