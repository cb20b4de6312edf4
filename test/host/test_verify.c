/* Tests that the verification of a fault can fail. Each test breaks the page table without the
   kernel's functions, and expects the report of the next fault. */

#include <string.h>
#include <vm/fault.h>
#include <vm/zero.h>
#include "mmu.h"
#include "test.h"

/* A fault that is about to be resolved. */
struct broken {
    uaddr_t addr;
    unsigned access;
};

static void fault_now(void *arg)
{
    const struct broken *broken = arg;

    (void)!vspace_fault_verified(vspace_now(), broken->addr, broken->access);
}

/* Expects that a fault at `place` ends in a panic which has `text` in it. */
static void expect_report(unsigned place, unsigned access, const char *text)
{
    struct broken broken = {places[place].start, access | FAULT_USER};
    bool nothing = finds_nothing(fault_now, &broken);

    expect(!nothing && strstr(finding_text(), text), text);
    if (!nothing)
        rwlock_read_unlock(&vspace_now()->lock); /* the panic has left the fault handler */
}

/* Returns the entry at `level` on the path of a page that is present. */
static pte_t *entry_at(unsigned place, int level)
{
    uaddr_t addr = places[place].start;

    if (level == ROOT_LEVEL)
        return entry_slot(pagetable_root(&vspace_now()->pagetable), level, addr);
    pte_t above = tables_look(&vspace_now()->pagetable.mmu, addr, level + 1);
    return entry_slot(entry_frame(above), level, addr);
}

/* Changes an entry of STACK, a written page, expects a report of the next write, and restores the
   entry. */
static void break_entry(int level, pte_t clear, pte_t set, const char *text)
{
    start(P);
    store(STACK);
    pte_t *entry = entry_at(STACK, level);
    pte_t before = *entry;
    *entry = (before & ~clear) | set;
    expect_report(STACK, FAULT_WRITE, text);
    *entry = before;
}

static void an_entry_that_is_not_for_the_user(void)
{
    break_entry(1, PTE_USER, 0, "ended as spurious, but the leaf is not for the user");
    break_entry(2, PTE_USER, 0, "but the entry at level 2 is not for the user");
    break_entry(4, PTE_USER, 0, "but the root's entry is not for the user");
}

static void an_entry_that_points_elsewhere(void)
{
    break_entry(1, PTE_ADDR, 0, "but the leaf is no pointer to a page of a program");
    break_entry(1, PTE_ADDR, (pte_t)MEMORY_SIZE, "but the leaf is no pointer to a page");
}

static void a_page_that_is_not_executable(void)
{
    start(P);
    map(BOTTOM, 1, RX);
    load(BOTTOM);
    pte_t *leaf = entry_at(BOTTOM, 1);
    *leaf |= PTE_NX;
    expect_report(BOTTOM, FAULT_EXEC, "ended as reused, but the leaf is not executable");
    *leaf &= ~PTE_NX;
}

static void a_zero_page_that_was_written(void)
{
    uint64_t *word = (uint64_t *)frame_to_virt(zero_page) + 3;

    start(P);
    map(BOTTOM, 1, RW);
    *word = 0x1234;
    expect_report(BOTTOM, 0, "ended as zero_mapped, but the page is not zero: offset 0x18 holds");
    *word = 0;
}

/* ---- Faults without end ---- */

static unsigned faults_until_endless(struct fault_repeats *repeats, uint64_t rip, unsigned most)
{
    unsigned n = 1;

    while (n < most && !(fault_is_repeated(repeats, rip, places[STACK].start) &&
                         fault_repeat_is_endless(repeats, vspace_now(), 0)))
        n++;
    return n;
}

static void the_same_fault_is_endless_at_last(void)
{
    struct fault_repeats repeats = {0};

    start(P);
    expect(faults_until_endless(&repeats, 1, 1000) == FAULT_REPEATS + 1, "the limit");
    expect(faults_until_endless(&repeats, 2, 50) == 50, "another instruction");
    repeats.count = 0;
    expect(faults_until_endless(&repeats, 2, 1000) == FAULT_REPEATS, "after a signal");
}

static void what_takes_rights_away_makes_a_fault_no_repetition(void)
{
    struct fault_repeats repeats = {0};

    start(P);
    map(BOTTOM, 1, RW);
    store(BOTTOM);
    faults_until_endless(&repeats, 1, 50);
    protect(BOTTOM, 1, READ);
    expect(faults_until_endless(&repeats, 1, FAULT_REPEATS) == FAULT_REPEATS, "after mprotect");
    unmap(BOTTOM, 1);
    expect(faults_until_endless(&repeats, 1, FAULT_REPEATS) == FAULT_REPEATS, "after munmap");
    fork_into(Q);
    expect(faults_until_endless(&repeats, 1, FAULT_REPEATS) == FAULT_REPEATS, "after fork");
}

static void truncation_makes_a_fault_no_repetition(void)
{
    struct fault_repeats repeats = {0};

    start(P);
    map_file(BOTTOM, 2, RW, 2, 1);
    load(BOTTOM);
    faults_until_endless(&repeats, 1, 50);
    truncate_object(2, 1);
    expect(faults_until_endless(&repeats, 1, FAULT_REPEATS) == FAULT_REPEATS, "after truncation");
}

static const struct test tests[] = {
    TEST_ONCE(an_entry_that_is_not_for_the_user),
    TEST_ONCE(an_entry_that_points_elsewhere),
    TEST_ONCE(a_page_that_is_not_executable),
    TEST_ONCE(a_zero_page_that_was_written),
    TEST_ONCE(the_same_fault_is_endless_at_last),
    TEST_ONCE(what_takes_rights_away_makes_a_fault_no_repetition),
    TEST_ONCE(truncation_makes_a_fault_no_repetition),
};

const struct test_file verify_tests = {tests, ARRAY_SIZE(tests)};
