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

/* Skips the groups without entries. A group that turns out to be empty as a whole loses its bit. */
unsigned entry_next_used(struct frame *table, unsigned n, unsigned count)
{
    const pte_t *entries = frame_to_virt(table);

    if (n < count && entries[n])
        return n; /* often the case, behind an entry that is in use */
    while (n < count) {
        unsigned first = n, group = n / TABLE_GROUP, end = (group + 1) * TABLE_GROUP;
        uint32_t groups = table->used >> group;

        if (!groups)
            break;
        if (groups & 1) {
            for (end = min(end, count); n < end; n++)
                if (entries[n])
                    return n;
            if (n - first == TABLE_GROUP)
                table->used &= ~(1u << group);
        } else {
            n = (group + __builtin_ctz(groups)) * TABLE_GROUP;
        }
    }
    return count;
}

/* Each level has a rank of its own, so the lock order is from the root down. */
static struct frame *table_start(struct frame *table, int level)
{
    if (!table)
        return NULL;
    EVENT(table_new, frame_to_pfn(table), level);
    table->used = 0;
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

/* Frees a table and drops its entries, so that it is left empty. They are read and written without
   the lock, because no other thread can reach the table. */
void table_free(struct frame *table, int level)
{
    pte_t *entries = frame_to_virt(table);
    unsigned n;

    for_each_used_entry(n, table, entries)
    {
        ENTRY_EVENT(table, &entries[n], 0);
        entry_put(entries[n], level);
        entries[n] = 0;
    }
    frame_free_zeroed(table);
}
