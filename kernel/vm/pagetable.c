/* Page tables, and the rule that every change follows (design.md, rules 2 and 3):

       to change, make it yours: go down from the root, and wherever W is clear, look at the reference count of what
       the entry points to: one, take it (set W); more, copy it and put the copy in its place.

   pagetable_own does this for tables, vm/fault.c for the frame at the end.

   Always true:
   - An entry with W set, not marked PTE_SHARED, points to something with one reference.
   - A table with more than one reference does not change, but for W bits that are cleared when it is copied: every
     path to it is read-only, so no CPU has used them.
   - A table of which every path entry has W set is reached from this tree alone. It is replaced or freed only under
     the vspace's write lock, so a reader of that lock walks down to it without taking any other.

   Locks: a table's own (RANK_TABLE) for every change that a reader of the vspace's lock makes, one at a time; who holds
   that for writing needs none. The CPU sets accessed and dirty
   bits beside us, so entries change by atomic operations. */

#include <linux/errno.h>
#include <arch/atomic.h>
#include <arch/paging.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <vm/pagetable.h>
#include <vm/vregion.h>

#define PTE_TABLE         (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)
#define USER_ROOT_ENTRIES (TABLE_ENTRIES / 2)

/* Tables that were replaced on one path, one a level at the most: they are dropped together, after one flush. */
struct replaced {
    struct frame *tables[ROOT_LEVEL];
    int levels[ROOT_LEVEL];
    unsigned count;
};

/* Entries that were taken out of a range: what they held is dropped in batches, each after its flush. */
#define GATHER_SIZE 32

struct gather {
    struct pagetable *pt;
    uaddr_t start, end;     /* the whole range */
    uaddr_t floor, ceiling; /* nothing is promised in here */
    unsigned count;
    struct frame *frames[GATHER_SIZE];
    uint8_t levels[GATHER_SIZE]; /* 0: a page; else of the table */
};

static struct frame *root_of(const struct pagetable *pt)
{
    return phys_to_frame(pt->mmu.root);
}

static pte_t *entry_of(const struct frame *table, int level, uaddr_t addr)
{
    return (pte_t *)frame_to_virt(table) + level_index(level, addr);
}

static bool is_mine(pte_t entry)
{
    return (entry & (PTE_PRESENT | PTE_WRITE)) == (PTE_PRESENT | PTE_WRITE);
}

static bool is_shared(pte_t entry)
{
    return (entry & (PTE_PRESENT | PTE_WRITE)) == PTE_PRESENT;
}

/* The first entry in use from `n` on, or `count`, a multiple of 8. Tables are sparse, so it looks at eight at a time:
   this loop is most of what fork and exit cost. */
static unsigned next_used(const pte_t *entries, unsigned n, unsigned count)
{
    for (; n % 8; n++)
        if (entries[n])
            return n;
    for (; n < count; n += 8) {
        const pte_t *e = entries + n;

        if (e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7])
            break;
    }
    while (n < count && !entries[n])
        n++;
    return n;
}

#define for_each_used(n, entries, count) \
    for (n = next_used(entries, 0, count); n < (count); n = next_used(entries, n + 1, count))

bool entry_replace(struct frame *table, pte_t *slot, pte_t from, pte_t to)
{
    spin_lock(&table->lock);
    bool same = entry_is_same(atomic_load(slot), from);
    if (same)
        atomic_set(slot, to);
    spin_unlock(&table->lock);
    return same;
}

/* ---- Looking ---- */

/* Goes down as long as tables are mine; returns the level of the last one. */
static int descend(const struct pagetable *pt, uaddr_t addr, struct frame **table)
{
    const pte_t *entries = phys_to_virt(pt->mmu.root);
    int level = ROOT_LEVEL;

    for (; level > 1; level--) {
        pte_t entry = atomic_load(&entries[level_index(level, addr)]);

        if (!is_mine(entry))
            break;
        entries = phys_to_virt(entry & PTE_ADDR);
    }
    *table = virt_to_frame(entries);
    return level;
}

/* The leaf entry that is found below `table`, where others share. The lock of `table` keeps its entry in place; that
   keeps a reference on the next table, which therefore does not change; and so on down. */
static pte_t leaf_below(const struct frame *table, int level, uaddr_t addr)
{
    for (;; level--) {
        pte_t entry = atomic_load(entry_of(table, level, addr));

        if (level == 1 || !entry)
            return entry;
        table = pte_frame(entry);
    }
}

struct walk pagetable_walk(struct pagetable *pt, uaddr_t addr)
{
    for (;;) {
        struct frame *table;
        int level = descend(pt, addr, &table);
        pte_t *slot = entry_of(table, level, addr);

        if (level == 1)
            return (struct walk){.leaf = atomic_load(slot), .leaf_table = table};

        spin_lock(&table->lock);
        pte_t entry = atomic_load(slot);
        /* Another thread may have made the entry its vspace's own since descend looked; what lies below is not
           protected by this lock then. */
        bool retry = is_mine(entry);
        pte_t leaf = entry && !retry ? leaf_below(pte_frame(entry), level - 1, addr) : 0;
        spin_unlock(&table->lock);
        if (!retry)
            return (struct walk){.leaf = leaf};
    }
}

/* ---- Making a path mine ---- */

/* A copy of a table: W is cleared in both, and each child has one more reference. The caller holds a reference on
   `source` beside the one it was found by, so nobody takes it meanwhile. NULL if memory is out. */
static struct frame *table_copy(struct frame *source)
{
    struct frame *copy = frame_alloc(FRAME_TABLE);

    if (!copy)
        return NULL;
    pte_t *from = frame_to_virt(source), *to = frame_to_virt(copy);
    unsigned n;

    page_copy(to, from);
    for_each_used (n, to, TABLE_ENTRIES) {
        frame_get(pte_frame(to[n]));
        if ((to[n] & (PTE_WRITE | PTE_SHARED)) == PTE_WRITE) {
            /* No flush: every path to `source` is read-only already. */
            atomic_and(&from[n], ~PTE_WRITE);
            to[n] &= ~PTE_WRITE;
        }
    }
    return copy;
}

static int insert_table(struct frame *table, pte_t *slot)
{
    struct frame *new = frame_alloc_zeroed(FRAME_TABLE);

    if (!new)
        return -ENOMEM;
    if (!entry_replace(table, slot, 0, frame_to_phys(new) | PTE_TABLE))
        frame_put(new); /* another thread was first */
    return 0;
}

/* Takes the table of `level` that `slot` points to, if it is the last one that does; else takes a reference on it and
   returns it, to be copied. NULL: nothing is left to do here. */
static struct frame *take_or_get(struct frame *table, pte_t *slot)
{
    struct frame *shared = NULL;

    spin_lock(&table->lock);
    pte_t entry = atomic_load(slot);
    if (is_shared(entry)) {
        if (frame_refs(pte_frame(entry)) == 1) {
            /* It stays one: who could add a reference comes through this entry, under this lock. */
            atomic_or(slot, PTE_WRITE);
        } else {
            shared = pte_frame(entry);
            frame_get(shared);
        }
    }
    spin_unlock(&table->lock);
    return shared;
}

/* Makes the table of `level` that `slot` of `table` points to mine. */
static int own_table(struct frame *table, pte_t *slot, int level, struct replaced *replaced)
{
    struct frame *shared = take_or_get(table, slot);

    if (!shared)
        return 0;
    struct frame *copy = table_copy(shared);
    if (!copy) {
        table_put(shared, level);
        return -ENOMEM;
    }
    pte_t before = frame_to_phys(shared) | (PTE_TABLE & ~PTE_WRITE);
    if (entry_replace(table, slot, before, frame_to_phys(copy) | PTE_TABLE)) {
        /* The entry's reference is dropped after the flush: until then a CPU may still walk through it. */
        replaced->tables[replaced->count] = shared;
        replaced->levels[replaced->count++] = level;
    } else {
        table_put(copy, level); /* another thread was first */
    }
    table_put(shared, level);
    return 0;
}

static void replaced_drop(struct pagetable *pt, uaddr_t addr, struct replaced *replaced)
{
    if (!replaced->count)
        return;
    tlb_flush_page(&pt->mmu, addr);
    for (unsigned n = 0; n < replaced->count; n++)
        table_put(replaced->tables[n], replaced->levels[n]);
}

/* Makes the path to the table of `addr` at `target` mine. With `insert`, absent tables are made; without, the path
   ends above the first one. */
static int own_path(struct pagetable *pt, uaddr_t addr, int target, bool insert,
                    struct frame **table)
{
    struct replaced replaced = {.count = 0};
    int err = 0, level = ROOT_LEVEL;

    *table = root_of(pt);
    while (level > target && !err) {
        pte_t *slot = entry_of(*table, level, addr);
        pte_t entry = atomic_load(slot);

        if (is_mine(entry)) {
            *table = pte_frame(entry);
            level--;
        } else if (entry) {
            err = own_table(*table, slot, level - 1, &replaced);
        } else if (insert) {
            err = insert_table(*table, slot);
        } else {
            break;
        }
    }
    replaced_drop(pt, addr, &replaced);
    return err;
}

int pagetable_own(struct pagetable *pt, uaddr_t addr, struct frame **leaf_table)
{
    return own_path(pt, addr, 1, true, leaf_table);
}

/* ---- Trees ---- */

int pagetable_create(struct pagetable *pt)
{
    struct frame *root = frame_alloc(FRAME_TABLE);

    if (!root)
        return -ENOMEM;
    pte_t *entries = frame_to_virt(root);
    const pte_t *kernel = phys_to_virt(kernel_root());
    memset(entries, 0, PAGE_SIZE / 2);
    memcpy(entries + USER_ROOT_ENTRIES, kernel + USER_ROOT_ENTRIES, PAGE_SIZE / 2);
    *pt = (struct pagetable){.mmu.root = frame_to_phys(root), .users = 1};
    return 0;
}

static void put_child(pte_t entry, int level)
{
    if (level == 0)
        frame_put(pte_frame(entry));
    else
        table_put(pte_frame(entry), level);
}

void table_put(struct frame *table, int level)
{
    if (!frame_put_last(table))
        return;
    const pte_t *entries = frame_to_virt(table);
    unsigned n;
    for_each_used (n, entries, TABLE_ENTRIES)
        put_child(entries[n], level - 1);
    frame_free(table);
}

void pagetable_destroy(struct pagetable *pt)
{
    assert(!atomic_load(&pt->mmu.running));
    const pte_t *entries = frame_to_virt(root_of(pt));
    unsigned n;
    for_each_used (n, entries, USER_ROOT_ENTRIES)
        put_child(entries[n], ROOT_LEVEL - 1);
    frame_put(root_of(pt));
}

void pagetable_fork(struct pagetable *parent, struct pagetable *child)
{
    pte_t *from = frame_to_virt(root_of(parent)), *to = frame_to_virt(root_of(child));
    unsigned n;

    for_each_used (n, from, USER_ROOT_ENTRIES) {
        atomic_and(&from[n], ~PTE_WRITE);
        frame_get(pte_frame(from[n]));
        to[n] = from[n];
    }
    /* The parent's other threads may go on writing through their TLBs until this has ended; the child does not run
       before. */
    tlb_flush_range(&parent->mmu, 0, USER_END);
}

static uint64_t count_tables(const struct frame *table, int level, unsigned nentries)
{
    const pte_t *entries = frame_to_virt(table);
    uint64_t count = 1;
    unsigned n;

    if (level == 1)
        return count;
    for_each_used (n, entries, nentries)
        count += count_tables(pte_frame(entries[n]), level - 1, TABLE_ENTRIES);
    return count;
}

uint64_t pagetable_count_tables(struct pagetable *pt)
{
    return count_tables(root_of(pt), ROOT_LEVEL, USER_ROOT_ENTRIES);
}

/* ---- Taking back ---- */

/* Whether nothing stays promised in the whole span of the entry of `addr` at `level`. */
static bool goes_whole(int level, uaddr_t addr, uaddr_t floor, uaddr_t ceiling)
{
    uaddr_t start = round_down(addr, level_span(level));

    return start >= floor && start + level_span(level) <= ceiling;
}

/* The level of the lowest table that stays on the path of `addr`: its entries will change. */
static int lowest_staying(uaddr_t addr, uaddr_t floor, uaddr_t ceiling)
{
    int level = 1;

    while (level < ROOT_LEVEL && goes_whole(level + 1, addr, floor, ceiling))
        level++;
    return level;
}

int pagetable_prepare_clear(struct pagetable *pt, uaddr_t start, uaddr_t end, uaddr_t floor,
                            uaddr_t ceiling)
{
    struct frame *table;
    uaddr_t last = end - PAGE_SIZE;

    /* Only the tables on the two edges stay; those between go whole, out of a table on one of these paths. */
    int err = own_path(pt, start, lowest_staying(start, floor, ceiling), false, &table);
    if (err)
        return err;
    return own_path(pt, last, lowest_staying(last, floor, ceiling), false, &table);
}

static void gather_flush(struct gather *gather)
{
    if (!gather->count)
        return;
    tlb_flush_range(&gather->pt->mmu, gather->start, gather->end);
    for (unsigned n = 0; n < gather->count; n++)
        put_child(frame_to_phys(gather->frames[n]), gather->levels[n]);
    gather->count = 0;
}

static void gather_add(struct gather *gather, pte_t entry, int level)
{
    if (gather->count == GATHER_SIZE)
        gather_flush(gather);
    gather->frames[gather->count] = pte_frame(entry);
    gather->levels[gather->count++] = level;
}

static void clear_entries(struct gather *gather, struct frame *table, int level, uaddr_t start,
                          uaddr_t end)
{
    uaddr_t next;

    for (uaddr_t addr = start; addr < end; addr = next) {
        pte_t *slot = entry_of(table, level, addr);
        pte_t entry = atomic_load(slot);

        next = min(end, round_down(addr, level_span(level)) + level_span(level));
        if (!entry)
            continue;
        if (level == 1 || goes_whole(level, addr, gather->floor, gather->ceiling)) {
            atomic_set(slot, 0);
            gather_add(gather, entry, level - 1);
        } else {
            assert(is_mine(entry));
            clear_entries(gather, pte_frame(entry), level - 1, addr, next);
        }
    }
}

void pagetable_clear(struct pagetable *pt, uaddr_t start, uaddr_t end, uaddr_t floor,
                     uaddr_t ceiling)
{
    struct gather gather = {
        .pt = pt, .start = start, .end = end, .floor = floor, .ceiling = ceiling};

    clear_entries(&gather, root_of(pt), ROOT_LEVEL, start, end);
    gather_flush(&gather);
}

/* ---- Changing rights ---- */

pte_t prot_to_pte(unsigned prot)
{
    if (!prot)
        return PTE_NX;
    return PTE_PRESENT | PTE_USER | (prot & PROT_X ? 0 : PTE_NX);
}

/* Calls `each` for every leaf table on the way from start to end, with the part of the range that it covers. */
static int for_each_leaf_table(struct pagetable *pt, uaddr_t start, uaddr_t end,
                               int (*each)(struct pagetable *, struct frame *table, uaddr_t start,
                                           uaddr_t end, unsigned prot),
                               unsigned prot)
{
    uaddr_t next;
    int err = 0;

    for (uaddr_t addr = start; addr < end && !err; addr = next) {
        struct frame *table = root_of(pt);
        int level = ROOT_LEVEL;

        for (; level > 1; level--) {
            pte_t entry = atomic_load(entry_of(table, level, addr));

            if (!entry)
                break;
            table = pte_frame(entry);
        }
        /* An absent entry skips all that it would cover, a leaf table what it covers. */
        uint64_t span = level_span(max(level, 2));
        next = min(end, round_down(addr, span) + span);
        if (level == 1)
            err = each(pt, table, addr, next, prot);
    }
    return err;
}

static int own_leaf_table(struct pagetable *pt, struct frame *table, uaddr_t start,
                          uaddr_t end __unused, unsigned prot __unused)
{
    return pagetable_own(pt, start, &table);
}

static int protect_leaf_table(struct pagetable *pt __unused, struct frame *table, uaddr_t start,
                              uaddr_t end, unsigned prot)
{
    const pte_t rights = PTE_PRESENT | PTE_USER | PTE_NX;
    pte_t drop = rights | (prot & PROT_W ? 0 : PTE_WRITE);

    spin_lock(&table->lock);
    for (uaddr_t addr = start; addr < end; addr += PAGE_SIZE) {
        pte_t *slot = leaf_entry(table, addr), entry;

        do
            entry = atomic_load(slot);
        while (entry && !atomic_compare_exchange(slot, entry, (entry & ~drop) | prot_to_pte(prot)));
    }
    spin_unlock(&table->lock);
    return 0;
}

int pagetable_prepare_protect(struct pagetable *pt, uaddr_t start, uaddr_t end)
{
    return for_each_leaf_table(pt, start, end, own_leaf_table, 0);
}

void pagetable_protect(struct pagetable *pt, uaddr_t start, uaddr_t end, unsigned prot)
{
    int err = for_each_leaf_table(pt, start, end, protect_leaf_table, prot);

    assert(!err);
    tlb_flush_range(&pt->mmu, start, end);
}
