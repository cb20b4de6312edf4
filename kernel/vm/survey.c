/* Counting what is there of an address space.

   Unlike the audit, this runs beside everything else. The vspace's lock is held for writing: so nobody replaces a table
   or a page in this tree. Tables that others share have a reference from here, which keeps them and what they hold. */

#include <arch/atomic.h>
#include <vm/fault.h>
#include <vm/survey.h>

/* Tables that are looked at before the lock is given to others. */
#define TABLES_AT_ONCE 64

/* How far a survey may go, and what it adds to. */
struct surveyor {
    struct survey *survey;
    unsigned tables_left;
};

/* How many entries lead to what `entry` points to. */
static uint32_t sharers(const struct frame *frame)
{
    uint32_t refs = frame_refs(frame);

    if (frame->kind == FRAME_CACHE && refs > 1)
        refs--; /* the page cache's own */
    return max(refs, 1u);
}

/* Adds one page. `share` is what of it would be ours if no other entry led to it; `alone`: no table on the way is
   shared. */
static void add_page(struct survey *survey, pte_t entry, uint64_t share, bool alone)
{
    const struct frame *frame = pte_frame(entry);
    uint32_t entries = sharers(frame);
    bool dirty = frame->kind == FRAME_ANON || ((entry & PTE_SHARED) && (entry & PTE_DIRTY));

    if (fault_is_zero_page(frame))
        return; /* no memory is used for it */
    if (alone && entries == 1)
        *(dirty ? &survey->private_dirty : &survey->private_clean) += 1;
    else
        *(dirty ? &survey->shared_dirty : &survey->shared_clean) += 1;
    survey->anon += frame->kind == FRAME_ANON;
    survey->referenced += (entry & PTE_ACCESSED) != 0;
    survey->share += share / entries;
    survey->share_dirty += dirty ? share / entries : 0;
}

/* Adds what `table` shows of [start, end), which it covers; returns how far it came. */
static uaddr_t add_table(struct surveyor *by, const struct frame *table, int level, uaddr_t start,
                         uaddr_t end, uint64_t share, bool alone)
{
    const pte_t *entries = frame_to_virt(table);
    uaddr_t addr = start;

    by->tables_left--;
    while (addr < end && (level == 1 || by->tables_left > 0)) {
        pte_t entry = atomic_load(&entries[level_index(level, addr)]);
        uaddr_t next = min(end, round_down(addr, level_span(level)) + level_span(level));

        if (entry && level == 1) {
            add_page(by->survey, entry, share, alone);
        } else if (entry) {
            const struct frame *below = pte_frame(entry);
            uint32_t refs = sharers(below);

            next = add_table(by, below, level - 1, addr, next, share / refs, alone && refs == 1);
        }
        addr = next;
    }
    return addr;
}

void vspace_survey(struct vspace *vspace, uaddr_t start, uaddr_t end, struct survey *survey)
{
    const struct frame *root = phys_to_frame(vspace->pagetable.mmu.root);

    while (start < end) {
        struct surveyor by = {.survey = survey, .tables_left = TABLES_AT_ONCE};

        rwlock_write_lock(&vspace->lock);
        start = add_table(&by, root, ROOT_LEVEL, start, end, PAGE_SIZE << SURVEY_SHIFT, true);
        rwlock_write_unlock(&vspace->lock);
    }
}
