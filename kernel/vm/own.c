/* Owning: rule 3, for tables and for pages (design.md).

   To change, make it yours: go down from the root. Wherever W is clear, look at the reference
   count of the entry's target:

       one reference    this entry is the last owner:   set W
       more             others share it:                copy it, put the copy in its place,
                                                        flush, and drop the reference on the old one

   Always true: an entry with W set, not marked PTE_SHARED, is the only entry of its target. A thread
   may hold a passing reference beside it, which at worst makes another thread copy in vain. A page
   that is not anonymous is always copied, because the page cache holds it. While a thread holds the
   lock of the entry's table, a count of one stays one: the only way to a new reference is this
   entry, under this lock.

   Locks: the vspace's, for reading. A table is copied under its own lock and that of the table
   above; a page is copied under no spinlock. */

#include <linux/errno.h>
#include <lib/panic.h>
#include <vm/pagetable.h>
#include <vm/zero.h>

/* ---- Tables ---- */

/* Entries that a path no longer goes through, at most one a level. They are dropped together, after
   one flush: until then a CPU may still walk through them. */
struct replaced {
    pte_t entries[ROOT_LEVEL + 1]; /* by the level of the table that held the entry */
};

static void replaced_drop(struct pagetable *pt, uaddr_t addr, const struct replaced *replaced)
{
    bool is_flushed = false;

    for (int level = ROOT_LEVEL; level > LEAF_LEVEL; level--) {
        if (!replaced->entries[level])
            continue;
        if (!is_flushed)
            tlb_flush_tables(&pt->mmu, page_floor(addr), page_floor(addr) + PAGE_SIZE);
        is_flushed = true;
        entry_put(replaced->entries[level], level);
    }
}

/* Fills `copy`, an empty table that no other thread sees yet, with the entries of `source`, and
   takes a reference for each. W is cleared in both. No flush is needed, because every path to `source`
   is read-only already. The lock of `source` keeps its entries in place between the look and the
   count. */
static void table_copy(struct frame *copy, struct frame *source, int level)
{
    pte_t *from = frame_to_virt(source), *to = frame_to_virt(copy);
    uint32_t used = 0;
    unsigned n;

    debug_assert(frame_refs(copy) == 1 && source != copy);
    table_lock(source);
    EVENT(table_copy, frame_to_pfn(copy), frame_to_pfn(source), level, TABLE_ENTRIES);
    for_each_used_entry(n, source, from)
    {
        to[n] = entry_share(source, &from[n]);
        used |= group_bit(n);
    }
    copy->used = source->used = used;
    table_unlock(source);
}

/* Makes the table mine that the entry at `slot` of `table`, at `level`, points to. Does nothing if
   another thread changes the number of its references meanwhile; the caller looks again. -ENOMEM. */
static int own_table(struct frame *table, pte_t *slot, int level, struct replaced *replaced)
{
    struct frame *copy = NULL;

    debug_assert(level > LEAF_LEVEL && level <= ROOT_LEVEL);
    /* A guess without the lock, under which no page is zeroed. */
    if (frame_refs(entry_frame(entry_load(slot))) > 1) {
        copy = table_alloc_empty(level - 1);
        if (!copy)
            return -ENOMEM;
    }
    table_lock(table);
    pte_t entry = entry_load(slot);
    debug_assert(entry_kind(entry, level) == ENTRY_TABLE);
    if (entry_is_mine(entry)) {
        /* Another thread was first. */
    } else if (frame_refs(entry_frame(entry)) == 1) {
        entry_set_bits(table, slot, PTE_WRITE);
    } else if (copy) {
        table_copy(copy, entry_frame(entry), level - 1);
        replaced->entries[level] = entry_exchange(table, slot, frame_to_phys(copy) | PTE_TABLE);
        copy = NULL;
    }
    table_unlock(table);
    if (copy) /* in vain */
        table_put(copy, level - 1);
    return 0;
}

static int insert_table(struct frame *table, pte_t *slot, int level)
{
    struct frame *below = table_alloc_empty(level - 1);

    if (!below)
        return -ENOMEM;
    if (!entry_replace(table, slot, 0, frame_to_phys(below) | PTE_TABLE))
        table_put(below, level - 1); /* another thread was first */
    return 0;
}

int pagetable_own(struct pagetable *pt, uaddr_t addr, int level, enum own_absent absent,
                  struct frame **table)
{
    struct replaced replaced = {0};
    int err = 0, at = ROOT_LEVEL;

    debug_assert(addr < USER_END && level >= LEAF_LEVEL && level <= ROOT_LEVEL);
    assert(lock_check_none_from(RANK_TABLE));
    *table = pagetable_root(pt);
    while (at > level && !err) {
        pte_t *slot = entry_slot(*table, at, addr);
        pte_t entry = entry_load(slot);

        if (entry_is_mine(entry)) {
            *table = entry_frame(entry);
            at--;
        } else if (entry) {
            err = own_table(*table, slot, at, &replaced);
        } else if (absent == OWN_INSERT) {
            err = insert_table(*table, slot, at);
        } else {
            break;
        }
    }
    replaced_drop(pt, addr, &replaced);
    return err;
}

/* ---- Pages ---- */

/* Reuses the page if this entry is its last owner: sets W. Else returns the page, with a reference,
   to be copied. `outcome` is set where NULL is returned. */
static struct frame *page_reuse_or_get(const struct leaf *leaf, enum own_outcome *outcome)
{
    struct frame *page = entry_frame(leaf->entry), *shared = NULL;

    table_lock(leaf->table);
    if (!entry_is_same(entry_load(leaf->slot), leaf->entry)) {
        *outcome = OWN_TRY_AGAIN;
    } else if (page->kind == FRAME_ANON && frame_refs(page) == 1) {
        entry_set_bits(leaf->table, leaf->slot, PTE_WRITE | PTE_DIRTY);
        *outcome = OWN_REUSED;
    } else {
        frame_get(shared = page);
    }
    table_unlock(leaf->table);
    return shared;
}

static struct frame *page_copied(const struct frame *page)
{
    struct frame *copy = frame_alloc(FRAME_ANON);

    if (copy && frame_is_zero_page(page))
        page_zero(frame_to_virt(copy));
    else if (copy)
        page_copy(frame_to_virt(copy), frame_to_virt(page));
    return copy;
}

/* Replaces the page by the copy in one step, where no other thread can run in the vspace. So no
   thread reads the old page through a TLB while the caller writes the new one. */
static enum own_outcome page_replace_alone(const struct leaf *leaf, struct frame *copy,
                                           pte_t rights)
{
    pte_t entry = frame_to_phys(copy) | rights | PTE_WRITE | PTE_DIRTY;
    cpumask_t running = atomic_load_relaxed(&leaf->pt->mmu.running);

    assert(!(running & (running - 1))); /* at most one CPU */
    if (!entry_replace(leaf->table, leaf->slot, leaf->entry, entry)) {
        frame_put(copy);
        return OWN_TRY_AGAIN;
    }
    tlb_flush_page(&leaf->pt->mmu, leaf->page);
    entry_put(leaf->entry, LEAF_LEVEL);
    return OWN_COPIED;
}

/* Sets W in the entry of a fresh copy, once no TLB shows the page that it has replaced. Returns false
   if another thread was first. */
static bool fresh_finish(const struct leaf *leaf, pte_t entry)
{
    pte_t mine = (entry & ~PTE_FRESH) | PTE_WRITE | PTE_DIRTY;

    debug_assert(entry & PTE_FRESH);
    tlb_flush_page(&leaf->pt->mmu, leaf->page);
    return entry_replace(leaf->table, leaf->slot, entry, mine);
}

/* Replaces the page by the copy in two steps, where other threads may run in the vspace. One
   step would be wrong:

       this thread puts the copy in place, writable     thread 2 still reads the old page through
       this thread writes the copy                      its TLB, and misses the write

   So the copy is read-only until a flush has ended. If thread 2 wants to write it meanwhile, it may
   neither set W at once, nor copy the copy: this thread would then copy that copy, and so on without
   end. PTE_FRESH tells thread 2 to flush, too; the first of the two to be done sets W. */
static enum own_outcome page_replace_in_steps(const struct leaf *leaf, struct frame *copy,
                                              pte_t rights)
{
    pte_t entry = frame_to_phys(copy) | rights | PTE_FRESH;

    if (!entry_replace(leaf->table, leaf->slot, leaf->entry, entry)) {
        frame_put(copy);
        return OWN_TRY_AGAIN;
    }
    (void)fresh_finish(leaf, entry);
    entry_put(leaf->entry, LEAF_LEVEL);
    return OWN_COPIED;
}

enum own_outcome pagetable_own_page(const struct leaf *leaf, pte_t rights)
{
    enum own_outcome outcome = OWN_TRY_AGAIN;

    debug_assert(!(leaf->page % PAGE_SIZE) && lock_check_none_from(RANK_TABLE));
    debug_assert(leaf->slot == entry_slot(leaf->table, LEAF_LEVEL, leaf->page));
    debug_assert(entry_kind(leaf->entry, LEAF_LEVEL) == ENTRY_PAGE);
    debug_assert(!(leaf->entry & (PTE_WRITE | PTE_SHARED)) && !(rights & PTE_WRITE));
    if (leaf->entry & PTE_FRESH)
        return fresh_finish(leaf, leaf->entry) ? OWN_REUSED : OWN_TRY_AGAIN;
    struct frame *page = page_reuse_or_get(leaf, &outcome);
    if (!page)
        return outcome;
    struct frame *copy = page_copied(page);
    if (!copy)
        outcome = OWN_NO_MEMORY;
    else if (atomic_load(&leaf->pt->threads) <= 1)
        outcome = page_replace_alone(leaf, copy, rights);
    else
        outcome = page_replace_in_steps(leaf, copy, rights);
    frame_put(page);
    return outcome;
}

/* Marks an entry whose page the kernel is about to write. */
static void entry_set_dirty(struct frame *table, pte_t *slot)
{
    table_lock(table);
    entry_set_bits(table, slot, PTE_DIRTY);
    table_unlock(table);
}

/* The vspace's lock is held for writing, so only the CPU changes the entry meanwhile. The flush
   comes before the kernel writes the copy: no thread reads the old page any more then. */
int pagetable_own_quietly(struct pagetable *pt, uaddr_t page, struct frame **frame)
{
    struct frame *table;
    int err = pagetable_own(pt, page, LEAF_LEVEL, OWN_PRESENT, &table);

    if (err)
        return err;
    pte_t *slot = entry_slot(table, LEAF_LEVEL, page);
    pte_t entry = entry_load(slot);
    debug_assert(entry && !(entry & (PTE_WRITE | PTE_SHARED)));
    *frame = entry_frame(entry);
    if ((*frame)->kind == FRAME_ANON && frame_refs(*frame) == 1) {
        entry_set_dirty(table, slot);
        return 0;
    }
    struct frame *copy = page_copied(*frame);
    if (!copy)
        return -ENOMEM;
    bool is_replaced =
        entry_replace(table, slot, entry, frame_to_phys(copy) | (entry & ~PTE_ADDR) | PTE_DIRTY);
    assert(is_replaced);
    tlb_flush_page(&pt->mmu, page);
    entry_put(entry, LEAF_LEVEL);
    *frame = copy;
    return 0;
}
