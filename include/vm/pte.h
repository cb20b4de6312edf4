/* Page-table entries: what an entry can be, and the only functions that change one in
   a table that others can reach.

       kind           bits                       what the entry holds
       ENTRY_ABSENT   0                          nothing
       ENTRY_PAGE     P set, in a leaf table     a reference on a frame; programs may touch it
       ENTRY_HELD     P clear, not 0             a reference on a frame; nobody may touch it
                                                 (PROT_NONE)
       ENTRY_TABLE    P set, in an upper table   a reference on the table below

   W in an entry says that its target is reached through this entry alone (design.md, rule 2). A
   leaf of a MAP_SHARED region carries PTE_SHARED, and its W says "may be dirty" instead. PTE_FRESH
   marks a copy that is mine without W: no entry but this one leads to it, but a TLB may still show
   what it has replaced. Whoever holds the vspace's lock for writing finds no such leaf.

   Lock: every change is made under the lock of the table that holds the entry. A new table is
   filled before others can reach it, without its lock (pagetable_create, table_copy,
   pagetable_fork). The CPU sets
   accessed and dirty bits beside us, so changes are atomic and comparisons ignore these two
   bits. */
#pragma once

#include <arch/atomic.h>
#include <arch/event.h>
#include <lib/panic.h>
#include <mm/frame.h>

enum entry_kind {
    ENTRY_ABSENT,
    ENTRY_PAGE,
    ENTRY_HELD,
    ENTRY_TABLE,
};

/* The level whose tables hold leaf entries. */
#define LEAF_LEVEL 1

/* Tables are sparse. Bit n of `used` in a table's descriptor is set if one of the entries from
   n * TABLE_GROUP on may be in use, among those that hold references. */
#define TABLE_GROUP (TABLE_ENTRIES / 32)

static inline uint32_t group_bit(unsigned n)
{
    return 1u << n / TABLE_GROUP;
}

/* Entries of the root that belong to the user's half. */
#define USER_ROOT_ENTRIES (TABLE_ENTRIES / 2)

/* Returns the kind of an entry of a table at `level`. */
static inline enum entry_kind entry_kind(pte_t entry, int level)
{
    if (!entry)
        return ENTRY_ABSENT;
    if (level > LEAF_LEVEL)
        return ENTRY_TABLE;
    return entry & PTE_PRESENT ? ENTRY_PAGE : ENTRY_HELD;
}

/* Returns the frame, or the table, on which the entry holds a reference. It is not absent. */
static inline struct frame *entry_frame(pte_t entry)
{
    debug_assert(entry != 0);
    return phys_to_frame(entry & PTE_ADDR);
}

/* Returns true if the target is present and reached through this entry alone. */
static inline bool entry_is_mine(pte_t entry)
{
    return (entry & (PTE_PRESENT | PTE_WRITE)) == (PTE_PRESENT | PTE_WRITE);
}

/* Returns true if two values of an entry differ at most in the bits that the CPU sets. */
static inline bool entry_is_same(pte_t a, pte_t b)
{
    return !((a ^ b) & ~(PTE_ACCESSED | PTE_DIRTY));
}

/* Returns the place of the entry that translates `addr` in a table at `level`. */
static inline pte_t *entry_slot(const struct frame *table, int level, uaddr_t addr)
{
    return (pte_t *)frame_to_virt(table) + level_index(level, addr);
}

static inline pte_t entry_load(const pte_t *slot)
{
    return atomic_load(slot);
}

/* ---- Changes: the caller holds the lock of `table`, which holds `slot` ---- */

/* Tells that the entry at `slot` becomes `to`. */
#define ENTRY_EVENT(table, slot, to) \
    EVENT(entry_set, frame_to_pfn(table), (uint64_t)(slot) % PAGE_SIZE / sizeof(pte_t), *(slot), to)

/* Stores `to`, whose reference it takes over; returns the old entry with its reference. */
static inline pte_t entry_exchange(struct frame *table, pte_t *slot, pte_t to)
{
    debug_assert(table->kind == FRAME_TABLE && spin_is_held(&table->lock));
    ENTRY_EVENT(table, slot, to);
    if (to)
        table->used |= group_bit((uintptr_t)slot % PAGE_SIZE / sizeof(pte_t));
    return atomic_exchange(slot, to);
}

/* Sets and clears bits; the target and its reference stay. */
static inline void entry_set_bits(const struct frame *table, pte_t *slot, pte_t bits)
{
    debug_assert(table->kind == FRAME_TABLE && spin_is_held(&table->lock));
    debug_assert(!(bits & PTE_ADDR));
    ENTRY_EVENT(table, slot, *slot | bits);
    atomic_or(slot, bits);
}

static inline void entry_clear_bits(const struct frame *table, pte_t *slot, pte_t bits)
{
    debug_assert(table->kind == FRAME_TABLE && spin_is_held(&table->lock));
    debug_assert(!(bits & PTE_ADDR));
    ENTRY_EVENT(table, slot, *slot & ~bits);
    atomic_and(slot, ~bits);
}

/* Changes the bits `mask` of an entry that is not absent to those of `bits`. What the CPU sets
   meanwhile is kept. */
static inline void entry_change_bits(const struct frame *table, pte_t *slot, pte_t mask, pte_t bits)
{
    pte_t entry;

    debug_assert(table->kind == FRAME_TABLE && spin_is_held(&table->lock));
    debug_assert(!((mask | bits) & PTE_ADDR));
    ENTRY_EVENT(table, slot, (*slot & ~mask) | bits);
    do
        entry = entry_load(slot);
    while (!atomic_compare_exchange(slot, entry, (entry & ~mask) | bits));
}

/* Takes a reference on what the entry at `slot` holds, for a second entry, and returns that entry's
   value. W is cleared in both, unless the leaf is MAP_SHARED. */
static inline pte_t entry_share(const struct frame *table, pte_t *slot)
{
    pte_t entry = entry_load(slot);

    debug_assert(table->kind == FRAME_TABLE && spin_is_held(&table->lock));
    debug_assert(!(entry & PTE_FRESH));
    frame_get(entry_frame(entry));
    if ((entry & (PTE_WRITE | PTE_SHARED)) == PTE_WRITE) {
        atomic_and(slot, ~PTE_WRITE);
        entry &= ~PTE_WRITE;
    }
    return entry;
}

/* ---- Changes that take the lock themselves ---- */

/* Stores `to` if the entry is still `from`, accessed and dirty bits aside. Returns true if it was:
   then the reference of `to` is the entry's, and that of `from` the caller's. */
__must_check bool entry_replace(struct frame *table, pte_t *slot, pte_t from, pte_t to);

/* ---- Tables ---- */

/* The bits of an entry that points to a table which is reached through it alone. */
#define PTE_TABLE (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)

/* Returns a new table for `level`, with one reference; NULL if memory is out. The first has no
   contents yet, the second is empty. */
__must_check struct frame *table_alloc(int level);
__must_check struct frame *table_alloc_empty(int level);

/* Tables are locked from the root down, at most one of a level. */
static inline void table_lock(struct frame *table)
{
    debug_assert(table->kind == FRAME_TABLE);
    spin_lock(&table->lock);
}

static inline void table_unlock(struct frame *table)
{
    spin_unlock(&table->lock);
}

/* Frees a table at `level` that has lost its last reference, and drops what its entries hold. */
void table_free(struct frame *table, int level);

/* Drops one reference on a table at `level`; the last one frees it. No CPU can walk through the
   table any more by the path that held this reference. */
static inline void table_put(struct frame *table, int level)
{
    debug_assert(table->kind == FRAME_TABLE);
    debug_assert(table->lock.rank == RANK_TABLE + ROOT_LEVEL - level);
    if (frame_put_testzero(table))
        table_free(table, level);
}

/* Drops the reference that an entry of a table at `level` held. An absent one held none. */
static inline void entry_put(pte_t entry, int level)
{
    switch (entry_kind(entry, level)) {
    case ENTRY_ABSENT:
        break;
    case ENTRY_PAGE:
    case ENTRY_HELD:
        frame_put(entry_frame(entry));
        break;
    case ENTRY_TABLE:
        table_put(entry_frame(entry), level - 1);
        break;
    }
}

/* Returns the first entry from `n` on, below `count`, that is not absent, or `count`. The caller
   holds the lock of the table, or is the only one who can reach it. */
unsigned entry_next_used(struct frame *table, unsigned n, unsigned count);

/* Runs its body for each of `entries` of a table that holds a reference. Locks as above. */
#define for_each_used_entry(n, table, entries)                                                   \
    for (uint32_t groups_ = (table)->used, end_;                                                 \
         groups_ && (end_ = (__builtin_ctz(groups_) + 1) * TABLE_GROUP); groups_ &= groups_ - 1) \
        for (n = end_ - TABLE_GROUP; n < end_; n++)                                              \
            if (entries[n])
