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

int pagetable_prepare_protect(struct pagetable *pt, uaddr_t start, uaddr_t end)
{
    struct frame *table;
    uaddr_t next;
    int err = 0;

    assert(start < end && end <= USER_END && !((start | end) % PAGE_SIZE));
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

void pagetable_protect(struct pagetable *pt, uaddr_t start, uaddr_t end, unsigned prot)
{
    assert(start < end && end <= USER_END && !((start | end) % PAGE_SIZE));
    assert(!(prot & ~(PROT_R | PROT_W | PROT_X)));
    atomic_add_fetch(&pt->withdrawals, 1u);
    pagetable_visit(pt, start, end, protect_leaf_table, &prot);
    tlb_flush_range(&pt->mmu, start, end);
}
