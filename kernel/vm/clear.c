/* Clearing a range of a page table: entries are taken out, their translations flushed, and what
   they held is dropped, in this order.

       this CPU takes an entry out and drops its frame     another thread of the program still
       the frame becomes another process's                 writes through its TLB

   So taken entries are gathered, and dropped in batches, each after its flush.

   Locks: the vspace's, for writing, so tables that are mine stand still, and so do their
   entries; each table's own for its changes. A flush waits for other CPUs, so it is done under
   no table's lock. */

#include <lib/panic.h>
#include <vm/pagetable.h>

/* Entries that were taken out, with their dirty bits, and what is to be flushed for them. */
#define GATHER_SIZE 32

struct gather {
    struct pagetable *pt;
    uaddr_t start, end; /* the whole range */
    bool is_shared;     /* other address spaces show some of it, too */
    bool has_tables;    /* some entries refer to tables */
    bool keeps_copies;  /* of pagetable_forget: private copies stay */
    unsigned count;
    pte_t entries[GATHER_SIZE];
    uint8_t levels[GATHER_SIZE]; /* of the table that held the entry */
};

static bool gather_is_full(const struct gather *gather)
{
    return gather->count == GATHER_SIZE;
}

/* Takes over the reference of the entry. */
static void gather_add(struct gather *gather, pte_t entry, int level)
{
    assert(!gather_is_full(gather));
    gather->has_tables |= level > LEAF_LEVEL;
    gather->entries[gather->count] = entry;
    gather->levels[gather->count++] = level;
}

static void gather_flush(struct gather *gather)
{
    if (!gather->count)
        return;
    assert(lock_check_none_from(RANK_TABLE));
    if (gather->is_shared)
        tlb_flush_everywhere(gather->start, gather->end);
    else if (gather->has_tables)
        tlb_flush_tables(&gather->pt->mmu, gather->start, gather->end);
    else
        tlb_flush_range(&gather->pt->mmu, gather->start, gather->end);
    for (unsigned n = 0; n < gather->count; n++)
        entry_put(gather->entries[n], gather->levels[n]);
    gather->count = 0;
    gather->has_tables = false;
}

/* ---- A hole in the regions ---- */

/* Returns true if nothing stays present in the whole span of the entry of `addr`. */
static bool goes_whole(const struct hole *hole, int level, uaddr_t addr)
{
    uaddr_t start = round_down(addr, level_span(level));

    return start >= hole->floor && start + level_span(level) <= hole->ceiling;
}

/* Returns the level of the lowest table that stays on the path of `addr`: its entries change. */
static int lowest_staying(const struct hole *hole, uaddr_t addr)
{
    int level = LEAF_LEVEL;

    while (level < ROOT_LEVEL && goes_whole(hole, level + 1, addr))
        level++;
    return level;
}

static int own_edge(struct pagetable *pt, const struct hole *hole, uaddr_t addr)
{
    struct frame *table;

    return pagetable_own(pt, addr, lowest_staying(hole, addr), OWN_PRESENT, &table);
}

static void hole_check(const struct hole *hole)
{
    assert(hole->start < hole->end && hole->end <= USER_END);
    assert(!((hole->start | hole->end) % PAGE_SIZE));
    assert(hole->floor <= hole->start && hole->end <= hole->ceiling);
}

int pagetable_prepare_clear(struct pagetable *pt, const struct hole *hole)
{
    hole_check(hole);
    /* The tables on the two edges stay. Those between go whole, out of a table on one of these
       paths. */
    int err = own_edge(pt, hole, hole->start);
    return err ? err : own_edge(pt, hole, hole->end - PAGE_SIZE);
}

/* Takes the entries of [start, end) out of a leaf table that is mine, a batch at a time. */
static void clear_leaf_table(struct gather *gather, struct frame *table, uaddr_t start, uaddr_t end)
{
    uaddr_t addr = start;

    while (addr < end) {
        if (gather_is_full(gather))
            gather_flush(gather);
        table_lock(table);
        for (; addr < end && !gather_is_full(gather); addr += PAGE_SIZE) {
            pte_t *slot = entry_slot(table, LEAF_LEVEL, addr);

            if (entry_kind(entry_load(slot), LEAF_LEVEL) != ENTRY_ABSENT)
                gather_add(gather, entry_exchange(table, slot, 0), LEAF_LEVEL);
        }
        table_unlock(table);
    }
}

/* Takes one entry, which goes whole, out of an upper table that is mine. */
static void clear_entry(struct gather *gather, struct frame *table, int level, pte_t *slot)
{
    if (gather_is_full(gather))
        gather_flush(gather);
    table_lock(table);
    gather_add(gather, entry_exchange(table, slot, 0), level);
    table_unlock(table);
}

static void clear_table(struct gather *gather, const struct hole *hole, struct frame *table,
                        int level, uaddr_t start, uaddr_t end)
{
    uaddr_t next;

    if (level == LEAF_LEVEL)
        return clear_leaf_table(gather, table, start, end);
    for (uaddr_t addr = start; addr < end; addr = next) {
        pte_t *slot = entry_slot(table, level, addr);
        pte_t entry = entry_load(slot);

        next = min(end, round_down(addr, level_span(level)) + level_span(level));
        if (entry_kind(entry, level) == ENTRY_ABSENT)
            continue;
        if (goes_whole(hole, level, addr)) {
            clear_entry(gather, table, level, slot);
        } else {
            assert_rule(3, entry_is_mine(entry)); /* pagetable_prepare_clear has seen to it */
            clear_table(gather, hole, entry_frame(entry), level - 1, addr, next);
        }
    }
}

void pagetable_clear(struct pagetable *pt, const struct hole *hole)
{
    struct gather gather = {.pt = pt, .start = hole->start, .end = hole->end};

    hole_check(hole);
    atomic_add_fetch(&pt->withdrawals, 1u);
    clear_table(&gather, hole, pagetable_root(pt), ROOT_LEVEL, hole->start, hole->end);
    gather_flush(&gather);
}

/* ---- Pages that are gone from their object ---- */

/* Gathers the entries of a leaf table, until the gather is full. */
static bool forget_leaf_table(struct table_visit *at, void *arg)
{
    struct gather *gather = arg;
    pte_t *entries = visited_entries(at);
    unsigned n;

    if (at->level > LEAF_LEVEL)
        return true;
    /* The locks of the path keep these counts from growing. A table that its last other sharer is
       about to leave may still count two: then the flush is wider than it need be. */
    for (int level = LEAF_LEVEL; level < ROOT_LEVEL; level++)
        gather->is_shared |= frame_refs(at->path[level]) > 1;
    for_each_visited_entry(n, at)
    {
        if (gather->keeps_copies && entry_frame(entries[n])->kind != FRAME_CACHE)
            continue;
        if (gather_is_full(gather)) {
            at->end = visited_addr(at, n);
            return false;
        }
        gather_add(gather, entry_exchange(visited_table(at), &entries[n], 0), LEAF_LEVEL);
    }
    return true;
}

void pagetable_forget(struct pagetable *pt, uaddr_t start, uaddr_t end, enum forget_what what)
{
    assert(start < end && end <= USER_END && !((start | end) % PAGE_SIZE));
    atomic_add_fetch(&pt->withdrawals, 1u);
    while (start < end) {
        struct gather gather = {
            .pt = pt, .start = start, .end = end, .keeps_copies = what == FORGET_PAGES};

        start = pagetable_visit(pt, start, end, forget_leaf_table, &gather);
        gather_flush(&gather);
    }
}

/* ---- Pages that are about to be written to a device ---- */

/* Clears W in the entries of a leaf table. */
static bool clean_leaf_table(struct table_visit *at, void *is_found)
{
    unsigned n;

    if (at->level > LEAF_LEVEL)
        return true;
    for_each_visited_entry(n, at)
    {
        *(bool *)is_found = true;
        entry_clear_bits(visited_table(at), &visited_entries(at)[n], PTE_WRITE | PTE_DIRTY);
    }
    return true;
}

/* A shared table changes for all its sharers, and this flush is of one address space. The walk comes
   to the regions of the others, too, before the pages count as clean, and each is flushed then. */
void pagetable_clean(struct pagetable *pt, uaddr_t start, uaddr_t end)
{
    bool is_found = false;

    assert(start < end && end <= USER_END && !((start | end) % PAGE_SIZE));
    atomic_add_fetch(&pt->withdrawals, 1u);
    pagetable_visit(pt, start, end, clean_leaf_table, &is_found);
    if (is_found)
        tlb_flush_range(&pt->mmu, start, end);
}
