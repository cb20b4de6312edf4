/* Tests that the audit, and the look at freed frames, can fail, and that they name the rule that is
   broken. Each test breaks one thing without the kernel's functions, and then repairs it. */

#include <vm/audit.h>
#include <vm/zero.h>
#include "mmu.h"
#include "test.h"

static void expect_audit_to_differ(unsigned rule, const char *what)
{
    platform_quiet = true; /* hides the audit's report */
    unsigned differences = audit_run();
    platform_quiet = false;
    expect(differences > 0 && finding_rule() == rule, what);
}

/* Returns the leaf entry of a present page, or NULL if a failed request left the page absent. */
static pte_t *leaf_of(unsigned place)
{
    uaddr_t addr = places[place].start;

    if (!vspace_now() || !tables_look(&vspace_now()->pagetable.mmu, addr, 1))
        return NULL;
    pte_t table = tables_look(&vspace_now()->pagetable.mmu, addr, 2);
    return (pte_t *)phys_to_virt(table & PTE_ADDR) + level_index(1, addr);
}

/* Changes the leaf entry of BOTTOM, a written page, expects the audit to differ, and restores
   the entry. */
static void break_leaf(pte_t clear, pte_t set, const char *what)
{
    start(P);
    map(BOTTOM, 1, READ | PROT_W);
    store(BOTTOM);
    protect(BOTTOM, 1, READ);
    pte_t *leaf = leaf_of(BOTTOM);
    if (!leaf)
        return;
    pte_t before = *leaf;
    *leaf = (before & ~clear) | set;
    expect_audit_to_differ(1, what);
    *leaf = before;
    check_audit();
}

static void a_right_that_the_region_does_not_give(void)
{
    break_leaf(0, PTE_WRITE, "W in a read-only region");
    break_leaf(PTE_NX, 0, "X in a region without");
}

static void a_mark_that_does_not_belong_there(void)
{
    break_leaf(0, PTE_SHARED, "a private page marked as shared");
    break_leaf(0, PTE_FRESH, "a page marked as fresh while no thread copies it");
}

static void a_page_that_its_object_takes_for_clean(void)
{
    start(P);
    map_shared(BOTTOM, 1, RW, 0, 0);
    load(BOTTOM);
    pte_t *leaf = leaf_of(BOTTOM);
    if (!leaf)
        return;
    *leaf |= PTE_WRITE;
    expect_audit_to_differ(2, "W, and the object has the page as clean");
    *leaf &= ~PTE_WRITE;
    check_audit();
}

static void an_entry_that_points_nowhere(void)
{
    break_leaf(PTE_ADDR, 0, "a reserved frame");
    break_leaf(PTE_ADDR, (pte_t)MEMORY_SIZE, "beyond the end of memory");
}

static void a_page_that_nobody_promised(void)
{
    start(P);
    map(BOTTOM, 2, RW);
    store(BOTTOM);
    store(BOTTOM + 1);
    pte_t *leaf = leaf_of(BOTTOM);
    if (!leaf)
        return;
    /* The entry moves behind the end of the region. */
    leaf[8] = leaf[0];
    leaf[0] = 0;
    expect_audit_to_differ(1, "no region promises it");
    leaf[0] = leaf[8];
    leaf[8] = 0;
    check_audit();
}

static void a_reference_too_many(void)
{
    start(P);
    store(STACK);
    pte_t *leaf = leaf_of(STACK);
    if (!leaf)
        return;
    entry_frame(*leaf)->refcount++;
    expect_audit_to_differ(4, "a count of two");
    entry_frame(*leaf)->refcount--;
    check_audit();
}

/* Both entries hold a reference, so the count is right, but one of them has W. */
static void w_where_others_look(void)
{
    start(P);
    store(STACK);
    fork_into(Q);
    store(STACK + 1);
    pte_t *leaf = leaf_of(STACK);
    if (!leaf || frame_refs(entry_frame(*leaf)) < 2)
        return;
    *leaf |= PTE_WRITE;
    expect_audit_to_differ(2, "W in one of two entries");
    *leaf &= ~PTE_WRITE;
    check_audit();
}

static void frame_goes(void *frame)
{
    freed_hook(frame);
}

/* The CPU has used its translation of the page, and nothing has dropped it yet. */
static void a_flush_that_is_missing(void)
{
    start(P);
    store(STACK);
    pte_t *leaf = leaf_of(STACK);
    if (!leaf)
        return;
    bool nothing = finds_nothing(frame_goes, entry_frame(*leaf));
    expect(!nothing && finding_rule() == 6, "a page in the TLB");
}

/* The zero page has one reference, but entries in number, so no entry may have W. */
static void w_on_the_zero_page(void)
{
    start(P);
    map(BOTTOM, 1, RW);
    load(BOTTOM);
    pte_t *leaf = leaf_of(BOTTOM);
    if (!leaf)
        return;
    expect(frame_is_zero_page(entry_frame(*leaf)) && frame_refs(zero_page) == 1, "one reference");
    *leaf |= PTE_WRITE;
    expect_audit_to_differ(2, "W on the zero page");
    *leaf &= ~PTE_WRITE;
    check_audit();
}

static void regions_out_of_order(void)
{
    start(P);
    if (!vspace_now())
        return;
    struct vregion *region = vregion_find_from(&vspace_now()->regions, 0);
    region->end += 64 * PAGE_SIZE;
    expect_audit_to_differ(1, "an overlap");
    region->end -= 64 * PAGE_SIZE;
    region->gap++;
    expect_audit_to_differ(1, "a gap");
    region->gap--;
    check_audit();
}

static void a_frame_that_is_free_and_held(void)
{
    struct frame *frame = frame_alloc(FRAME_KERNEL);

    if (!frame)
        return;
    frame->kind = FRAME_FREE;
    expect_audit_to_differ(4, "free with a reference");
    frame->kind = FRAME_KERNEL;
    frame_put(frame);
    check_audit();
}

static const struct test tests[] = {
    TEST(a_right_that_the_region_does_not_give),
    TEST(a_mark_that_does_not_belong_there),
    TEST(a_page_that_its_object_takes_for_clean),
    TEST(an_entry_that_points_nowhere),
    TEST(a_page_that_nobody_promised),
    TEST(a_reference_too_many),
    TEST(w_where_others_look),
    TEST(a_flush_that_is_missing),
    TEST(w_on_the_zero_page),
    TEST(regions_out_of_order),
    TEST(a_frame_that_is_free_and_held),
};

const struct test_file audit_tests = {tests, ARRAY_SIZE(tests)};
