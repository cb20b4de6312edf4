/* Moving pages to other addresses, for mremap. Entries move, and no byte of a page is copied:

       an entry's whole span moves, the ranges agree       the entry moves, and with it the table that
       modulo the span (2 MiB, 1 GiB), and the entry       it points to
       at the destination is absent
       else                                                entries move one by one, a level below

   All tables of both ranges are made mine first, and tables that are missing at the destination are
   inserted; this may fail. A table that is shared must be copied, since its sharers show it at the
   old addresses. Dirty and accessed bits, W, PTE_SHARED and held pages stay as they are.

   The destination can be reached before the source is flushed, as on Linux: for a moment, a thread
   may read a page at its new address, and write it at the old one by its TLB. It is the same page,
   so no write is lost.

   Locks: the vspace's, for writing, so entries of tables that are mine change by the CPU only. A
   table's own for each change, and never those of two tables of one level at once. */

#include <linux/errno.h>
#include <lib/panic.h>
#include <vm/pagetable.h>

/* Entries that are in neither table for a moment. */
#define MOVE_BATCH 64u

static uaddr_t moved(const struct move *move, uaddr_t addr)
{
    return addr - move->from + move->to;
}

/* Returns true if the whole span of the entry of `addr`, in a table at `level`, becomes the whole
   span of another entry. */
static bool moves_whole(const struct move *move, int level, uaddr_t addr)
{
    uint64_t span = level_span(level);
    uaddr_t start = round_down(addr, span);

    return (move->from ^ move->to) % span == 0 && start >= move->from &&
           start + span <= move->from + move->len;
}

static void move_check(const struct move *move)
{
    assert(move->len && !((move->from | move->to | move->len) % PAGE_SIZE));
    assert(move->from + move->len <= USER_END && move->to + move->len <= USER_END);
    assert(move->from + move->len <= move->to || move->to + move->len <= move->from);
}

/* Makes the path to the destination of the page at `addr` mine, down to the table whose entry will
   change, and beyond it what is there already. -ENOMEM. */
static int own_destination(struct pagetable *pt, const struct move *move, uaddr_t addr)
{
    struct frame *table;
    int level = LEAF_LEVEL;

    while (level < ROOT_LEVEL && moves_whole(move, level + 1, addr))
        level++;
    int err = pagetable_own(pt, moved(move, addr), level, OWN_INSERT, &table);
    return err ? err : pagetable_own(pt, moved(move, addr), LEAF_LEVEL, OWN_PRESENT, &table);
}

int pagetable_prepare_move(struct pagetable *pt, const struct move *move)
{
    uaddr_t at = move->from, next;
    struct frame *table;
    int err = 0;

    move_check(move);
    for (; !err && pagetable_next_leaf(pt, &at, move->from + move->len, &next); at = next) {
        err = pagetable_own(pt, at, LEAF_LEVEL, OWN_PRESENT, &table);
        /* What one leaf table shows may go to two. */
        if (!err)
            err = own_destination(pt, move, at);
        if (!err)
            err = own_destination(pt, move, next - PAGE_SIZE);
    }
    return err;
}

/* Moves `count` entries of one leaf table to another one. */
static void move_entries(struct frame *from, pte_t *slot, struct frame *to, pte_t *target,
                         unsigned count)
{
    pte_t batch[MOVE_BATCH];

    for (unsigned done = 0, part; done < count; done += part) {
        part = min(count - done, MOVE_BATCH);
        table_lock(from);
        for (unsigned n = 0; n < part; n++)
            batch[n] = entry_load(&slot[done + n]) ? entry_exchange(from, &slot[done + n], 0) : 0;
        table_unlock(from);
        table_lock(to);
        for (unsigned n = 0; n < part; n++)
            if (batch[n] && entry_exchange(to, &target[done + n], batch[n]))
                panic(RULE(1) "a page is moved to where one is present");
        table_unlock(to);
    }
}

/* Returns the table at `level` for the destination of `addr`. It is mine, as all are. */
static struct frame *destination(struct pagetable *pt, const struct move *move, uaddr_t addr,
                                 int level)
{
    struct frame *table;
    int err = pagetable_own(pt, moved(move, addr), level, OWN_PRESENT, &table);

    assert(!err);
    return table;
}

static void move_leaf_table(struct pagetable *pt, const struct move *move, struct frame *table,
                            uaddr_t start, uaddr_t end)
{
    uint64_t span = level_span(LEAF_LEVEL + 1);

    for (uaddr_t addr = start, next; addr < end; addr = next) {
        uaddr_t to = moved(move, addr);
        struct frame *target = destination(pt, move, addr, LEAF_LEVEL);

        next = min(end, addr + span - to % span);
        move_entries(table, entry_slot(table, LEAF_LEVEL, addr), target,
                     entry_slot(target, LEAF_LEVEL, to), (next - addr) >> PAGE_SHIFT);
    }
}

/* Moves an entry of an upper table, and with it a table. Returns false if it cannot go whole. */
static bool move_whole(struct pagetable *pt, const struct move *move, struct frame *table,
                       int level, uaddr_t addr)
{
    if (!moves_whole(move, level, addr))
        return false;
    struct frame *target = destination(pt, move, addr, level);
    pte_t *to = entry_slot(target, level, moved(move, addr));
    if (entry_load(to))
        return false;
    table_lock(table);
    pte_t entry = entry_exchange(table, entry_slot(table, level, addr), 0);
    table_unlock(table);
    bool was_absent = entry_replace(target, to, 0, entry);
    assert(was_absent);
    return true;
}

static void move_table(struct pagetable *pt, const struct move *move, struct frame *table,
                       int level, uaddr_t start, uaddr_t end)
{
    if (level == LEAF_LEVEL)
        return move_leaf_table(pt, move, table, start, end);
    for (uaddr_t addr = start, next; addr < end; addr = next) {
        pte_t entry = entry_load(entry_slot(table, level, addr));

        next = min(end, round_down(addr, level_span(level)) + level_span(level));
        /* Below an entry that is not mine, there is no leaf table. */
        if (entry_is_mine(entry) && !move_whole(pt, move, table, level, addr))
            move_table(pt, move, entry_frame(entry), level - 1, addr, next);
    }
}

void pagetable_move(struct pagetable *pt, const struct move *move)
{
    move_check(move);
    atomic_add_fetch(&pt->withdrawals, 1u);
    move_table(pt, move, pagetable_root(pt), ROOT_LEVEL, move->from, move->from + move->len);
    tlb_flush_tables(&pt->mmu, move->from, move->from + move->len);
}
