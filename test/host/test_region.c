/* Tests of regions and the heap: allowed addresses, splits and merges, and refused requests.
   After each operation, the checks compare the regions of every process with the model. */

#include <proc/populate.h>
#include "test.h"

static unsigned count_regions(void)
{
    struct vregion *region = vspace_now() ? vregion_find_from(&vspace_now()->regions, 0) : NULL;
    unsigned count = 0;

    for (; region; region = vregion_next(region))
        count++;
    return count;
}

/* Maps anonymous memory without the model. The test unmaps the range if the mapping succeeds. */
static int map_raw(uaddr_t start, uint64_t len, bool no_replace)
{
    const struct map_request request = {
        .start = start,
        .len = len,
        .prot = RW,
        .fixed = true,
        .no_replace = no_replace,
    };
    uaddr_t at;

    return vspace_now() ? vspace_map(vspace_now(), &request, &at) : -ENOMEM;
}

/* ---- The cases of osv's memregion_extend ---- */

static void a_negative_extent_is_refused_and_changes_nothing(void)
{
    start(P);
    map(BOTTOM, 1, RW);
    expect(map_raw(places[BOTTOM + 1].start, -PAGE_SIZE, false) == -ENOMEM, "-ENOMEM");
    expect(map_raw(places[BOTTOM + 1].start, -places[BOTTOM + 1].start, false) == -ENOMEM,
           "-ENOMEM, not around the end of the address space");
    check_unchanged();
}

static void an_overlap_is_refused_with_an_error_of_its_own(void)
{
    start(P);
    map(BOTTOM + 1, 2, RW);
    map_new(BOTTOM, 2, RW);
    expect_error(-EEXIST);
    map_new(BOTTOM + 2, 2, RW);
    expect_error(-EEXIST);
    map_new(BOTTOM, 4, RW);
    expect_error(-EEXIST);
    map_new(BOTTOM + 3, 1, RW);
    expect_error(0);
}

static void a_heap_that_meets_another_region_does_not_grow(void)
{
    start(P);
    move_break(PAGE_SIZE);
    map(HEAP + 2, 1, RW);
    move_break(2 * PAGE_SIZE);
    expect_error(-ENOMEM);
    move_break(PAGE_SIZE);
    expect_error(0);
}

static void a_heap_does_not_shrink_below_its_start(void)
{
    start(P);
    move_break(-1);
    expect_value(places[HEAP].start);
    move_break(10);
    expect_value(places[HEAP].start);
    move_break(-100);
    expect_value(places[HEAP].start + 10);
    move_break(-10);
    expect_value(places[HEAP].start + 10);
    move_break(0);
    expect_value(places[HEAP].start);
}

static void absurd_moves_of_the_break_change_nothing(void)
{
    uaddr_t old = 0;

    start(P);
    if (!vspace_now())
        return;
    expect(vspace_sbrk(vspace_now(), INT64_MAX, &old) == -ENOMEM, "too high");
    expect(vspace_sbrk(vspace_now(), INT64_MIN, &old) == 0 && old == places[HEAP].start, "too low");
    expect(vspace_brk(vspace_now(), 0) == places[HEAP].start, "brk(0) asks");
    expect(vspace_brk(vspace_now(), USER_END + 1) == places[HEAP].start, "brk beyond the end");
    check_unchanged();
}

/* ---- The heap ---- */

static void what_the_heap_gives_back_is_gone_at_once(void)
{
    start(P);
    move_break(40970);
    store(HEAP);
    store(HEAP + 10);
    mark();
    move_break(-40970);
    expect_frames(FRAME_ANON, -2);
    load(HEAP);
    expect_error(FAULT_NOT_MAPPED);
    move_break(40970);
    load(HEAP + 10);
    expect_value(0);
}

static void the_break_counts_bytes(void)
{
    start(P);
    for (unsigned n = 0; n < 3; n++) {
        move_break(1);
        expect_value(places[HEAP].start + n);
    }
    store(HEAP);
    move_break(PAGE_SIZE - 3);
    load(HEAP + 1);
    expect_error(FAULT_NOT_MAPPED);
    move_break(-1);
    load(HEAP);
    expect_error(0);
}

static void a_child_has_a_break_of_its_own(void)
{
    start(P);
    move_break(PAGE_SIZE);
    store(HEAP);
    fork_into(Q);
    on(1, Q);
    move_break(-PAGE_SIZE);
    on(0, P);
    load(HEAP);
    expect_error(0);
    move_break(PAGE_SIZE);
    expect_value(places[HEAP + 1].start);
}

/* ---- Splits and merges ---- */

static void a_hole_in_the_middle_cuts_a_region_in_two(void)
{
    start(P);
    unsigned before = count_regions();
    map(BOTTOM, 5, RW);
    store(BOTTOM);
    store(BOTTOM + 4);
    unmap(BOTTOM + 2, 1);
    expect(count_regions() == before + 2, "two regions");
    load(BOTTOM + 2);
    expect_error(FAULT_NOT_MAPPED);
    load(BOTTOM + 4);
}

static void neighbours_that_nothing_tells_apart_become_one(void)
{
    start(P);
    unsigned before = count_regions();
    map(BOTTOM, 1, RW);
    map(BOTTOM + 2, 1, RW);
    map(BOTTOM + 1, 1, RW);
    expect(count_regions() == before + 1, "one region");
    protect(BOTTOM + 1, 1, READ);
    expect(count_regions() == before + 3, "three regions");
    protect(BOTTOM + 1, 1, RW);
    expect(count_regions() == before + 1, "one region again");
}

static void pages_of_a_file_keep_their_place_when_a_region_is_cut(void)
{
    start(P);
    map_file(BOTTOM, 4, RW, 0, 2);
    unmap(BOTTOM, 1);
    protect(BOTTOM + 2, 1, READ);
    load(BOTTOM + 1);
    expect_value(object_initial(0, 3, 0));
    load(BOTTOM + 2);
    expect_value(object_initial(0, 4, 0));
    load(BOTTOM + 3);
    expect_value(object_initial(0, 5, 0));
}

static void a_map_replaces_what_was_there(void)
{
    start(P);
    map_shared(BOTTOM, 4, RW, 2, 0);
    store(BOTTOM + 1);
    map(BOTTOM + 1, 2, RW);
    load(BOTTOM + 1);
    expect_value(0);
    load(BOTTOM + 3);
}

static void where_a_file_ends_zeros_begin(void)
{
    start(P);
    map_file_in_part(BOTTOM, 2, READ, 1, 0);
    load(BOTTOM);
    expect_value(object_initial(1, 0, 0));
    load(BOTTOM + 1);
    expect_value(object_initial(1, 1, 0));
}

static void rights_are_changed_up_to_a_hole(void)
{
    start(P);
    map(BOTTOM, 2, RW);
    map(BOTTOM + 3, 1, RW);
    protect(BOTTOM + 1, 3, READ);
    expect_error(-ENOMEM);
    store(BOTTOM);
    expect_error(0);
    store(BOTTOM + 1);
    expect_error(FAULT_NOT_ALLOWED);
    store(BOTTOM + 3);
    expect_error(0);
    protect(BOTTOM + 2, 2, READ);
    expect_error(-ENOMEM);
    store(BOTTOM + 3);
    expect_error(0);
}

/* ---- Finding room ---- */

static void room_is_found_below_the_guard_from_the_top_down(void)
{
    start(P);
    map_anywhere(1);
    expect_value(places[GUARD - 1].start);
    map_anywhere(2);
    expect_value(places[GUARD - 3].start);
    unmap(GUARD - 1, 1);
    map_anywhere(2);
    expect_value(places[GUARD - 5].start);
    map_anywhere(1);
    expect_value(places[GUARD - 1].start);
}

static void room_is_never_found_in_the_guard_of_a_stack(void)
{
    start(P);
    map(BOTTOM, GUARD - BOTTOM, RW);
    const struct map_request request = {.len = PAGE_SIZE, .prot = RW};
    uaddr_t at = 0;

    expect(vspace_map(vspace_now(), &request, &at) == -ENOMEM, "only the guard is free");
    check_unchanged();
    unmap(STACK, 1);
    expect(vspace_map(vspace_now(), &request, &at) == 0 && at == places[GUARD].start,
           "a page that the guard has left");
    expect(vspace_unmap(vspace_now(), at, at + PAGE_SIZE) == 0, "unmapped");
}

static void a_wish_in_the_guard_of_a_stack_is_not_granted(void)
{
    start(P);
    unmap(STACK, 4);
    map_at_wish(STACK + 1, 1);
    expect_value(places[GUARD - 1].start);
    map(STACK + 3, 1, RW); /* to insist helps */
    map_at_wish(STACK + 1, 1);
    expect_value(places[STACK + 1].start);
}

static void low_room_is_in_the_second_gigabyte(void)
{
    struct map_request request = {.len = PAGE_SIZE, .prot = RW, .low = true};
    const uint64_t gib = 1ul << 30;
    uaddr_t all = gib, at = 0, last = 0;

    start(P);
    expect(vspace_map(vspace_now(), &request, &at) == 0 && at == 2 * gib - PAGE_SIZE, "the last");
    request.start = 2 * gib;
    expect(vspace_map(vspace_now(), &request, &last) == 0 && last == at - PAGE_SIZE, "no wish");
    expect(vspace_unmap(vspace_now(), last, 2 * gib) == 0, "unmapped");
    const struct map_request fill = {.start = all, .len = gib, .fixed = true};
    expect(vspace_map(vspace_now(), &fill, &all) == 0, "all of it");
    expect(vspace_map(vspace_now(), &request, &at) == -ENOMEM, "no room");
    expect(vspace_unmap(vspace_now(), gib, 2 * gib) == 0, "unmapped");
}

/* ---- Stacks ---- */

/* Sets the limits on a stack and on all regions, for the kernel and for the model. */
static void limit_stack(unsigned npages, uint64_t space)
{
    struct vspace_limits *limits[] = {&vspace_now()->account.limits, &model.processes[P].limits};

    for (unsigned n = 0; n < ARRAY_SIZE(limits); n++) {
        limits[n]->stack = npages * PAGE_SIZE;
        limits[n]->space = space;
    }
}

static void a_stack_grows_to_the_page_that_is_touched(void)
{
    start(P);
    unmap(STACK, 4);
    load(STACK + 2);
    expect_fault(FAULT_ZERO_FILLED);
    expect(vregion_find(&vspace_now()->regions, places[STACK + 2].start), "there");
    expect(!vregion_find(&vspace_now()->regions, places[STACK + 1].start), "not further");
    store(STACK);
    expect_error(0);
}

static void the_kernel_grows_a_stack_too(void)
{
    start(P);
    unmap(STACK, 6);
    copy_out(STACK + 3);
    expect_error(0);
    peek(STACK);
    expect_error(0);
}

static void a_stack_grows_as_far_as_its_limit_is_now(void)
{
    start(P);
    unmap(STACK, 6);
    limit_stack(5, ~0ul);
    store(STACK + 2);
    expect_error(FAULT_NOT_MAPPED);
    store(STACK + 3);
    expect_error(0);
    limit_stack(3, ~0ul);
    store(STACK + 3);
    expect_error(0);
    store(STACK + 2);
    expect_error(FAULT_NOT_MAPPED);
    limit_stack(8 + 256 + 8, ~0ul);
    store(TOP + 2);
    expect_error(0);
    store(TOP + 2);
    expect_error(0);
}

static void a_stack_counts_as_mapped_when_it_has_grown(void)
{
    start(P);
    unmap(STACK, 4);
    limit_stack(8, vspace_now()->account.mapped_bytes + 2 * PAGE_SIZE);
    store(STACK + 1);
    expect_error(FAULT_NOT_MAPPED);
    store(STACK + 2);
    expect_error(0);
    store(STACK + 1);
    expect_error(FAULT_NOT_MAPPED);
    fork_into(Q);
    expect(vspace_now()->account.mapped_peak >= vspace_now()->account.mapped_bytes, "the peak");
}

static void a_stack_keeps_away_from_what_may_be_accessed(void)
{
    start(P);
    unmap(STACK, 4);
    map(TOP + 7, 1, RW);
    store(STACK);
    expect_error(0);
    unmap(STACK, 2);
    map(GUARD, 1, RW);
    store(STACK + 1);
    expect_error(FAULT_NOT_MAPPED);
    protect(GUARD, 1, NONE);
    store(STACK + 1);
    expect_error(0);
}

static void a_stack_grows_to_meet_a_part_of_itself(void)
{
    start(P);
    unmap(STACK + 3, 2);
    store(STACK + 3);
    expect_error(0);
    expect(vregion_find(&vspace_now()->regions, places[STACK].start) ==
               vregion_find(&vspace_now()->regions, places[STACK + 7].start),
           "one region");
    protect(STACK + 4, 1, READ);
    unmap(STACK + 2, 2);
    store(STACK + 3);
    expect_error(FAULT_NOT_ALLOWED); /* it has grown with the rights of its lowest page */
    load(STACK + 2);
    expect_error(0);
}

static void a_heap_keeps_clear_of_a_stack(void)
{
    struct map_request request = {
        .len = PAGE_SIZE, .prot = RW, .kind = VREGION_STACK, .fixed = true};
    uaddr_t old = 0;

    start(P);
    request.start = places[HEAP].start + 260 * PAGE_SIZE;
    expect(vspace_map(vspace_now(), &request, &request.start) == 0, "a stack");
    expect(vspace_sbrk(vspace_now(), 5 * PAGE_SIZE, &old) == -ENOMEM, "not into its guard");
    expect(vspace_sbrk(vspace_now(), 4 * PAGE_SIZE, &old) == 0, "up to its guard");
    expect(vspace_sbrk(vspace_now(), -4 * (int64_t)PAGE_SIZE, &old) == 0, "back");
    expect(vspace_unmap(vspace_now(), request.start, request.start + PAGE_SIZE) == 0, "unmapped");
}

/* ---- Limits of the user's half ---- */

static void nothing_is_mapped_outside_of_the_users_half(void)
{
    start(P);
    expect(map_raw(0, PAGE_SIZE, false) == -EPERM, "not at 0");
    expect(map_raw(USER_START - PAGE_SIZE, 2 * PAGE_SIZE, false) == -EPERM, "not below the start");
    expect(map_raw(USER_END, PAGE_SIZE, false) == -ENOMEM, "not at the end");
    expect(map_raw(DIRECT_MAP_BASE, PAGE_SIZE, false) == -ENOMEM, "not in the kernel's half");
    check_unchanged();
}

/* ---- Wide ranges ---- */

static void all_can_be_unmapped_at_once(void)
{
    start(P);
    map(BOTTOM, GUARD - BOTTOM, RW);
    store(BOTTOM);
    store(PROGRAM);
    store(GIB + 3);
    store(GIB + 4);
    store(HALF_TIB + 3);
    store(HALF_TIB + 4);
    store(TOP);
    fork_into(Q);
    unmap(BOTTOM, NPLACES - BOTTOM);
    on(1, Q);
    load(HALF_TIB + 4);
}

static void rights_of_half_a_tebibyte_can_be_changed_at_once(void)
{
    start(P);
    map(BOTTOM, GUARD - BOTTOM, RW);
    store(GIB + 3);
    store(HALF_TIB + 4);
    protect(PROGRAM, HALF_TIB + 8 - PROGRAM, READ);
    store(GIB + 3);
    expect_error(FAULT_NOT_ALLOWED);
    store(HALF_TIB + 4);
    expect_error(FAULT_NOT_ALLOWED);
    store(TOP);
    expect_error(0);
}

/* The range has more leaf entries than munmap drops in one batch. CPU 1 caches them. */
static void a_large_range_is_taken_back_in_batches(void)
{
    uaddr_t start_addr = places[GIB].end + PAGE_SIZE;

    start(P);
    thread_on(1);
    mark();
    if (map_raw(start_addr, 100 * PAGE_SIZE, true))
        return;
    for (unsigned n = 0; n < 100; n++)
        load_address(start_addr + n * PAGE_SIZE);
    if (vspace_now() && vspace_unmap(vspace_now(), start_addr, start_addr + 100 * PAGE_SIZE))
        return;
    check_unchanged();
    for (unsigned n = 0; n < 100; n++) {
        load_address(start_addr + n * PAGE_SIZE);
        expect_error(FAULT_NOT_MAPPED);
    }
}

static void flags_cut_regions_and_merge_them(void)
{
    start(P);
    map(BOTTOM, 6, RW);
    advise(BOTTOM + 1, 2, ADVISE_LOCK);
    advise(BOTTOM + 3, 1, ADVISE_LOCK_ON_FAULT);
    advise(BOTTOM + 2, 3, ADVISE_UNLOCK);
    advise(BOTTOM + 1, 1, ADVISE_UNLOCK);
    advise(BOTTOM + 5, 2, ADVISE_LOCK);
    expect_error(-ENOMEM); /* the second has no region */
}

static void a_child_gets_what_the_flags_say(void)
{
    start(P);
    map(BOTTOM, 6, RW);
    map(TWIN, TWIN_LEAF_PLACES, RW);
    for (unsigned n = 0; n < 6; n++)
        store(BOTTOM + n);
    store(TWIN);
    advise(BOTTOM + 1, 1, ADVISE_DONTFORK);
    advise(BOTTOM + 2, 1, ADVISE_WIPEONFORK);
    advise(BOTTOM + 3, 1, ADVISE_LOCK);
    advise(TWIN, TWIN_LEAF_PLACES, ADVISE_DONTFORK);
    fork_into(Q);
    store(BOTTOM + 2);
    on(1, Q);
    load(BOTTOM + 1);
    expect_fault(FAULT_NOT_MAPPED);
    load(BOTTOM + 2);
    expect_fault(FAULT_ZERO_MAPPED);
    store(BOTTOM + 3);
    load(TWIN);
    expect_fault(FAULT_NOT_MAPPED);
}

static void what_is_locked_moves_locked(void)
{
    start(P);
    map(BOTTOM, 2, RW);
    advise(BOTTOM, 2, ADVISE_LOCK);
    store(BOTTOM);
    remap(BOTTOM, 1, GIB, 1, F_FIXED | F_KEEP);
    remap(BOTTOM + 1, 1, GIB + 2, 3, F_FIXED);
    load(GIB);
    expect_fault(FAULT_OUTCOMES);
}

static void advice_forbids_what_it_cannot_drop(void)
{
    start(P);
    map_file(BOTTOM, 1, RW, 0, 0);
    map(BOTTOM + 1, 2, RW);
    store(BOTTOM);
    store(BOTTOM + 1);
    advise(BOTTOM, 2, ADVISE_FREE);
    expect_error(-EINVAL);
    advise(BOTTOM + 1, 1, ADVISE_FREE);
    expect_error(0);
    load(BOTTOM + 1);
    expect_fault(FAULT_ZERO_MAPPED);
    advise(BOTTOM + 1, 1, ADVISE_LOCK);
    advise(BOTTOM + 1, 1, ADVISE_FREE);
    expect_error(-EINVAL);
    advise(BOTTOM, 3, ADVISE_DISCARD);
    load(BOTTOM);
    expect_fault(FAULT_FILE_MAPPED);
}

static void pages_are_populated_as_the_rights_allow(void)
{
    start(P);
    map(BOTTOM, 2, RW);
    map(BOTTOM + 2, 1, READ);
    map_file(BOTTOM + 3, 1, RW, 0, 0);
    truncate_object(0, 0);
    advise(BOTTOM, 1, ADVISE_POPULATE_READ);
    advise(BOTTOM + 1, 1, ADVISE_POPULATE_WRITE);
    store(BOTTOM + 1);
    expect_fault(FAULT_OUTCOMES);
    load(BOTTOM);
    expect_fault(FAULT_OUTCOMES);
    advise(BOTTOM + 2, 1, ADVISE_POPULATE_WRITE);
    expect_error(-EINVAL);
    advise(BOTTOM + 3, 1, ADVISE_POPULATE_READ);
    expect_error(-EFAULT);
    advise(BOTTOM + 4, 1, ADVISE_POPULATE_READ);
    expect_error(-ENOMEM);
}

static void locks_keep_within_their_limit(void)
{
    start(P);
    map(BOTTOM, 3, RW);
    if (!vspace_now())
        return;
    vspace_now()->account.limits.locked = model.processes[P].limits.locked = 2 * PAGE_SIZE;
    advise(BOTTOM, 3, ADVISE_LOCK);
    expect_error(-ENOMEM);
    advise(BOTTOM, 1, ADVISE_LOCK);
    advise(BOTTOM, 2, ADVISE_LOCK); /* one page more */
    expect_error(0);
    unmap(BOTTOM + 2, 1);
    remap(BOTTOM, 2, 0, 3, F_MAY_MOVE);
    expect_error(-EAGAIN);
}

static void residence_is_told(void)
{
    uint8_t vec[5] = {9, 9, 9, 9, 9};

    start(P);
    map(BOTTOM, 2, RW);
    map_file(BOTTOM + 2, 2, RW, 0, 1);
    store(BOTTOM + 1);
    load(BOTTOM + 2);
    advise(BOTTOM + 2, 1, ADVISE_DISCARD); /* the object has it still */
    if (!vspace_now())
        return;
    expect(vspace_residence(vspace_now(), places[BOTTOM].start, 4, vec) == 0, "all is mapped");
    expect(!vec[0] && vec[1] && vec[2] && !vec[3], "the second page and the third are there");
    expect(vspace_residence(vspace_now(), places[BOTTOM].start, 5, vec) == -ENOMEM, "-ENOMEM");
}

/* ---- Regions that their object counts ---- */

static struct {
    unsigned refs;
    int regions;
} counting;

static void counting_get(struct pager *pager __unused, bool writes __unused)
{
    counting.refs++;
}

static void counting_put(struct pager *pager __unused, bool writes __unused)
{
    counting.refs--;
}

static void counting_mapped(struct pager *pager __unused, int change)
{
    counting.regions += change;
}

static void protect_raw(uaddr_t start, unsigned prot)
{
    expect(!vspace_protect(vspace_now(), start, start + PAGE_SIZE, prot), "rights change");
}

static void regions_that_are_counted_stay_apart(void)
{
    static const struct pager_ops ops = {
        .get = counting_get, .put = counting_put, .mapped = counting_mapped};
    struct pager pager;
    struct map_request request = {.len = 4 * PAGE_SIZE, .prot = READ, .pager = &pager};
    uaddr_t at;

    start(P);
    if (!vspace_now())
        return;
    pager_init(&pager, &ops);
    counting.regions = counting.refs = 0;
    if (!vspace_map(vspace_now(), &request, &at)) {
        expect(counting.regions == 1, "one region");
        protect_raw(at + PAGE_SIZE, NONE);
        expect(counting.regions == 3, "a part counts by itself");
        protect_raw(at + PAGE_SIZE, READ);
        expect(counting.regions == 3, "parts that are alike are not merged");
        expect(!vspace_unmap(vspace_now(), at + PAGE_SIZE, at + 2 * PAGE_SIZE), "a part goes");
        expect(counting.regions == 2, "two parts are left");
        check(!vspace_unmap(vspace_now(), at, at + request.len), "what needs no cut is unmapped");
    }
    check(counting.regions == 0 && counting.refs == 0, "no region is left");
    check_unchanged();
}

static const struct test tests[] = {
    TEST(a_negative_extent_is_refused_and_changes_nothing),
    TEST(an_overlap_is_refused_with_an_error_of_its_own),
    TEST(a_heap_that_meets_another_region_does_not_grow),
    TEST(a_heap_does_not_shrink_below_its_start),
    TEST(absurd_moves_of_the_break_change_nothing),
    TEST(what_the_heap_gives_back_is_gone_at_once),
    TEST(the_break_counts_bytes),
    TEST(a_child_has_a_break_of_its_own),
    TEST(a_hole_in_the_middle_cuts_a_region_in_two),
    TEST(neighbours_that_nothing_tells_apart_become_one),
    TEST(pages_of_a_file_keep_their_place_when_a_region_is_cut),
    TEST(a_map_replaces_what_was_there),
    TEST(where_a_file_ends_zeros_begin),
    TEST(rights_are_changed_up_to_a_hole),
    TEST(room_is_found_below_the_guard_from_the_top_down),
    TEST_ONCE(room_is_never_found_in_the_guard_of_a_stack),
    TEST(a_wish_in_the_guard_of_a_stack_is_not_granted),
    TEST_ONCE(low_room_is_in_the_second_gigabyte),
    TEST_ONCE(a_stack_grows_to_the_page_that_is_touched),
    TEST(the_kernel_grows_a_stack_too),
    TEST_ONCE(a_stack_grows_as_far_as_its_limit_is_now),
    TEST_ONCE(a_stack_counts_as_mapped_when_it_has_grown),
    TEST(a_stack_keeps_away_from_what_may_be_accessed),
    TEST_ONCE(a_stack_grows_to_meet_a_part_of_itself),
    TEST_ONCE(a_heap_keeps_clear_of_a_stack),
    TEST_ONCE(flags_cut_regions_and_merge_them),
    TEST(a_child_gets_what_the_flags_say),
    TEST(what_is_locked_moves_locked),
    TEST(advice_forbids_what_it_cannot_drop),
    TEST(pages_are_populated_as_the_rights_allow),
    TEST(locks_keep_within_their_limit),
    TEST_ONCE(residence_is_told),
    TEST(regions_that_are_counted_stay_apart),
    TEST(nothing_is_mapped_outside_of_the_users_half),
    TEST(all_can_be_unmapped_at_once),
    TEST(rights_of_half_a_tebibyte_can_be_changed_at_once),
    TEST_ONCE(a_large_range_is_taken_back_in_batches),
};

const struct test_file region_tests = {tests, ARRAY_SIZE(tests)};
