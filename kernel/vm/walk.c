/* Looking into a page table: the walk for one address, and the visit of a range.

   A walk goes down without locks as long as the tables are mine. From the first entry that is
   shared, it locks each table before it reads it, and keeps the locks until it has the leaf:

       thread 1 reads the entry to table T          thread 2 copies T, puts the copy in its place,
                                                    and drops the last reference on T
       thread 1 reads T, which has been freed

   The lock of the table above keeps the entry, the entry keeps T, and the lock of T keeps what T
   holds. A visit locks the whole path, since it may come to tables that are not mine anywhere. */

#include <lib/panic.h>
#include <vm/pagetable.h>

/* Returns the leaf entry below `entry`, which stands in a locked table at `level`. */
static pte_t leaf_below(pte_t entry, int level, uaddr_t addr)
{
    debug_assert(level >= LEAF_LEVEL && level <= ROOT_LEVEL);
    if (entry_kind(entry, level) != ENTRY_TABLE)
        return entry;
    struct frame *table = entry_frame(entry);
    table_lock(table);
    entry = leaf_below(entry_load(entry_slot(table, level - 1, addr)), level - 1, addr);
    table_unlock(table);
    return entry;
}

/* Ends a walk at the entry of `table` that is not mine. If another thread makes it mine meanwhile,
   the leaf is still right, and the caller, which gets no leaf table, owns the path itself. */
static struct walk walk_shared(uaddr_t addr, struct frame *table, int level)
{
    table_lock(table);
    pte_t leaf = leaf_below(entry_load(entry_slot(table, level, addr)), level, addr);
    table_unlock(table);
    return (struct walk){.leaf = leaf};
}

struct walk pagetable_walk(struct pagetable *pt, uaddr_t addr)
{
    paddr_t table = pt->mmu.root;

    debug_assert(addr < USER_END);
    for (int level = ROOT_LEVEL; level > LEAF_LEVEL; level--) {
        const pte_t *entries = phys_to_virt(table);
        pte_t entry = entry_load(&entries[level_index(level, addr)]);

        if (!entry_is_mine(entry))
            return walk_shared(addr, phys_to_frame(table), level);
        table = entry & PTE_ADDR;
    }
    const pte_t *entries = phys_to_virt(table);
    return (struct walk){
        .leaf = entry_load(&entries[level_index(LEAF_LEVEL, addr)]),
        .leaf_table = phys_to_frame(table),
    };
}

/* A visit on its way. */
struct visitor {
    struct table_visit at;
    bool (*visit)(struct table_visit *at, void *arg);
    void *arg;
    bool stopped;
};

/* Visits `table`, at `level`, and those below it, for [start, end). Returns how far it came. */
static uaddr_t visit_table(struct visitor *visitor, struct frame *table, int level, uaddr_t start,
                           uaddr_t end)
{
    uaddr_t addr = start;

    table_lock(table);
    visitor->at.path[level] = table;
    visitor->at.level = level;
    visitor->at.start = start;
    visitor->at.end = end;
    visitor->stopped = !visitor->visit(&visitor->at, visitor->arg);
    if (level == LEAF_LEVEL)
        addr = visitor->at.end;
    while (addr < end && level > LEAF_LEVEL && !visitor->stopped) {
        uaddr_t first = round_down(addr, level_span(level + 1));
        /* Most entries are absent, and stay so under the lock. */
        unsigned n = entry_next_used(table, level_index(level, addr), TABLE_ENTRIES);

        addr = min(end, max(addr, first + n * level_span(level)));
        if (addr == end)
            break;
        uaddr_t next = min(end, first + (n + 1) * level_span(level));
        pte_t entry = entry_load(entry_slot(table, level, addr));

        if (entry_kind(entry, level) == ENTRY_TABLE)
            next = visit_table(visitor, entry_frame(entry), level - 1, addr, next);
        addr = next;
    }
    table_unlock(table);
    return addr;
}

uaddr_t pagetable_visit(struct pagetable *pt, uaddr_t start, uaddr_t end,
                        bool (*visit)(struct table_visit *at, void *arg), void *arg)
{
    struct visitor visitor = {.visit = visit, .arg = arg};

    assert(start < end && end <= USER_END + PAGE_SIZE);
    assert(!((start | end) % PAGE_SIZE));
    debug_assert(lock_check_none_from(RANK_TABLE));
    return visit_table(&visitor, pagetable_root(pt), ROOT_LEVEL, start, end);
}

/* Stops at the first leaf table, and notes where its part of the range begins. */
static bool find_leaf_table(struct table_visit *at, void *arg)
{
    uaddr_t *found = arg;

    if (at->level > LEAF_LEVEL)
        return true;
    *found = at->start;
    return false;
}

bool pagetable_next_leaf(struct pagetable *pt, uaddr_t *start, uaddr_t end, uaddr_t *next)
{
    uaddr_t found = end;

    if (*start < end)
        *next = pagetable_visit(pt, *start, end, find_leaf_table, &found);
    *start = found;
    return found < end;
}

struct page_visit {
    enum page_wanted wanted;
    struct frame *frame; /* NULL: none found */
};

static bool get_page(struct table_visit *at, void *arg)
{
    struct page_visit *visit = arg;

    if (at->level > LEAF_LEVEL)
        return true;
    pte_t entry = entry_load(entry_slot(visited_table(at), LEAF_LEVEL, at->start));
    enum entry_kind kind = entry_kind(entry, LEAF_LEVEL);
    if (kind == ENTRY_PAGE || (kind == ENTRY_HELD && visit->wanted == PAGE_OR_HELD))
        frame_get(visit->frame = entry_frame(entry));
    return false;
}

struct frame *pagetable_get_page(struct pagetable *pt, uaddr_t addr, enum page_wanted wanted)
{
    struct page_visit visit = {.wanted = wanted};

    assert(addr < USER_END);
    pagetable_visit(pt, page_floor(addr), page_floor(addr) + PAGE_SIZE, get_page, &visit);
    return visit.frame;
}
