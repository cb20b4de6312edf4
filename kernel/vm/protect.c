/* Changing the rights of what is present or held in a range.

   Rights that are lost must be gone from every TLB when the change returns, so the flush comes
   last. W is never given here: the fault handler gives it, when it has seen that the page is mine.

   Locks: the vspace's, for writing; each leaf table's own while its entries change. */

#include <lib/panic.h>
#include <vm/pagetable.h>
#include <vm/vregion.h>

pte_t prot_to_pte(unsigned prot)
{
    if (!prot)
        return PTE_NX;
    return PTE_PRESENT | PTE_USER | (prot & PROT_X ? 0 : PTE_NX);
}

/* Returns true if one leaf table shows the whole range. This is the usual case, in which a walk
   takes the place of a visit. */
static bool is_in_one_leaf_table(uaddr_t start, uaddr_t end)
{
    return !((start ^ (end - PAGE_SIZE)) / level_span(LEAF_LEVEL + 1));
}

int pagetable_prepare_protect(struct pagetable *pt, uaddr_t start, uaddr_t end)
{
    struct frame *table;
    uaddr_t next;
    int err = 0;

    assert(start < end && end <= USER_END && !((start | end) % PAGE_SIZE));
    if (is_in_one_leaf_table(start, end))
        return pagetable_own(pt, start, LEAF_LEVEL, OWN_PRESENT, &table);
    for (; !err && pagetable_next_leaf(pt, &start, end, &next); start = next)
        err = pagetable_own(pt, start, LEAF_LEVEL, OWN_PRESENT, &table);
    return err;
}

static bool protect_leaf_table(struct table_visit *at, void *arg)
{
    unsigned prot = *(unsigned *)arg;
    pte_t rights = PTE_PRESENT | PTE_USER | PTE_NX | (prot & PROT_W ? 0 : PTE_WRITE);
    unsigned n;

    if (at->level > LEAF_LEVEL)
        return true;
    assert_rule(3,
                frame_refs(visited_table(at)) == 1); /* pagetable_prepare_protect has seen to it */
    for_each_visited_entry(n, at)
        entry_change_bits(visited_table(at), &visited_entries(at)[n], rights, prot_to_pte(prot));
    return true;
}

/* Protects a range that one leaf table shows, if there is one. Its path is mine. */
static void protect_in_leaf_table(struct pagetable *pt, uaddr_t start, uaddr_t end, unsigned prot)
{
    struct frame *table = pagetable_walk(pt, start).leaf_table;
    struct table_visit at = {
        .path[LEAF_LEVEL] = table, .level = LEAF_LEVEL, .start = start, .end = end};

    if (!table)
        return;
    table_lock(table);
    (void)protect_leaf_table(&at, &prot);
    table_unlock(table);
}

void pagetable_protect(struct pagetable *pt, uaddr_t start, uaddr_t end, unsigned prot)
{
    assert(start < end && end <= USER_END && !((start | end) % PAGE_SIZE));
    assert(!(prot & ~(PROT_R | PROT_W | PROT_X)));
    atomic_add_fetch(&pt->withdrawals, 1u);
    if (is_in_one_leaf_table(start, end))
        protect_in_leaf_table(pt, start, end, prot);
    else
        pagetable_visit(pt, start, end, protect_leaf_table, &prot);
    tlb_flush_range(&pt->mmu, start, end);
}
