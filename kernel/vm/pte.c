/* Page-table entries and tables: how they begin and end (vm/pte.h). */

#include <vm/pte.h>

bool entry_replace(struct frame *table, pte_t *slot, pte_t from, pte_t to)
{
    table_lock(table);
    bool same = entry_is_same(entry_load(slot), from);
    if (same)
        (void)entry_exchange(table, slot, to);
    table_unlock(table);
    return same;
}

/* Tables are sparse, so eight entries are looked at together: this loop is most of what fork and
   exit cost. */
unsigned entry_next_used(const pte_t *entries, unsigned n, unsigned count)
{
    unsigned eights = count & ~7u;

    for (; n % 8 && n < count; n++)
        if (entries[n])
            return n;
    for (; n < eights; n += 8) {
        const pte_t *e = entries + n;

        if (e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7])
            break;
    }
    while (n < count && !entries[n])
        n++;
    return n;
}

/* Each level has a rank of its own, so the lock order is from the root down. */
static struct frame *table_start(struct frame *table, int level)
{
    if (table)
        spin_init(&table->lock, RANK_TABLE + ROOT_LEVEL - level);
    return table;
}

struct frame *table_alloc(int level)
{
    return table_start(frame_alloc(FRAME_TABLE), level);
}

struct frame *table_alloc_empty(int level)
{
    return table_start(frame_alloc_zeroed(FRAME_TABLE), level);
}

/* Frees a table and drops its entries. They are read without the lock, because no other thread
   can reach the table. */
void table_free(struct frame *table, int level)
{
    const pte_t *entries = frame_to_virt(table);
    unsigned n;

    for_each_used_entry(n, entries, TABLE_ENTRIES) entry_put(entries[n], level);
    frame_free(table);
}
