/* The 4-level tree of one vspace: the only record of what is there now (design.md, rules 2 and 3).

   A table is a frame (FRAME_TABLE) with a reference count. An entry with W set points to something that can be reached
   through this entry alone. Three kinds of entry: 0, absent; P set, present; not 0 but P clear, a leaf whose frame is
   held although nobody may touch it (PROT_NONE).

   What makes walking cheap: a table that is reached through W alone ("mine") belongs to this tree alone, and is
   neither replaced nor freed while the vspace's lock is held for reading, since only a fork (which takes it for
   writing) can make it shared again. So a walk goes down through W without locks, and locks only the one table in
   which it changes something, or below which it reads what others share. */
#pragma once

#include <arch/tlb.h>
#include <mm/frame.h>

struct pagetable {
    struct mmu_space mmu;
    /* atomic: threads that may run in it; grows only by one of these threads' own doing, or by a visitor that never
       runs in it */
    unsigned users;
};

/* What a walk found. */
struct walk {
    pte_t leaf; /* the leaf entry; 0 if it, or a table on the way, is absent */
    /* the table that holds it, if the whole path to it is mine; else NULL */
    struct frame *leaf_table;
};

/* An empty tree with the kernel's half in its root. -ENOMEM. */
__must_check int pagetable_create(struct pagetable *pt);

/* Gives back everything in the tree; no CPU runs it any more. Never fails, never allocates. */
void pagetable_destroy(struct pagetable *pt);

/* Makes `child`, a tree from pagetable_create, share all of the parent's user half. Costs a scan of the root's 256
   user entries, whatever hangs below them. The parent's vspace lock is held for writing. */
void pagetable_fork(struct pagetable *parent, struct pagetable *child);

/* Looks, changes nothing. Vspace lock: read. */
struct walk pagetable_walk(struct pagetable *pt, uaddr_t addr);

/* Makes the path to the leaf table of `addr` mine, down from the root, with the tables that it lacks: the one function
   that makes a path writable. The leaf table into `leaf_table`. -ENOMEM: nothing visible has changed. May flush; holds
   no spinlock on entry or exit. Vspace lock: read. */
__must_check int pagetable_own(struct pagetable *pt, uaddr_t addr, struct frame **leaf_table);

/* Sets the entry at `slot` of `table` to `to` if, accessed and dirty bits aside, it is still `from`; says whether it
   was. Takes the table's lock. */
__must_check bool entry_replace(struct frame *table, pte_t *slot, pte_t from, pte_t to);

/* Whether two entries differ in no more than what the CPU sets by itself. */
static inline bool entry_is_same(pte_t a, pte_t b)
{
    return !((a ^ b) & ~(PTE_ACCESSED | PTE_DIRTY));
}

/* The place of the leaf entry of `addr` in its table. */
static inline pte_t *leaf_entry(const struct frame *leaf_table, uaddr_t addr)
{
    return (pte_t *)frame_to_virt(leaf_table) + level_index(1, addr);
}

/* Taking back [start, end), of which the caller's regions cover nothing that stays; nothing is promised in
   [floor, ceiling) around it, so tables that lie wholly in there go too.
   First prepare, which may fail with -ENOMEM and then has changed nothing visible; then clear, which cannot fail.
   Vspace lock: write, held over both. */
__must_check int pagetable_prepare_clear(struct pagetable *pt, uaddr_t start, uaddr_t end,
                                         uaddr_t floor, uaddr_t ceiling);
void pagetable_clear(struct pagetable *pt, uaddr_t start, uaddr_t end, uaddr_t floor,
                     uaddr_t ceiling);

/* Giving what is present in [start, end) the rights of `prot` (PROT_ bits); W is only ever taken away: the fault
   handler gives it. Prepare and change as above. Vspace lock: write, held over both. */
__must_check int pagetable_prepare_protect(struct pagetable *pt, uaddr_t start, uaddr_t end);
void pagetable_protect(struct pagetable *pt, uaddr_t start, uaddr_t end, unsigned prot);

/* Its tables, shared ones and the root included. Vspace lock: write, so that none is replaced meanwhile. */
uint64_t pagetable_count_tables(struct pagetable *pt);

/* Gives back one reference on a table at `level`; the last gives back what its entries hold, too. */
void table_put(struct frame *table, int level);

/* The rights of a leaf: `prot` in hardware bits, without W. */
pte_t prot_to_pte(unsigned prot);

static inline struct frame *pte_frame(pte_t entry)
{
    return phys_to_frame(entry & PTE_ADDR);
}
