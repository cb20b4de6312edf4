/* The survey: what is present of an address space (proc/survey.h).

   Unlike the audit, the survey runs beside everything else. It holds the vspace's lock for reading,
   so faults go on, and the locks of the tables on the path that it looks at. */

#include <arch/atomic.h>
#include <proc/survey.h>
#include <vm/zero.h>

/* Leaf tables that are surveyed before the lock is given to others. */
#define TABLES_AT_ONCE 64

struct surveyor {
    struct survey *survey;
    unsigned tables_left;
};

/* Returns how many entries lead to a page or a table. */
static uint32_t sharers(const struct frame *frame)
{
    uint32_t refs = frame_refs(frame);

    if (frame->kind == FRAME_CACHE && refs > 1)
        refs--; /* the page cache's own */
    return max(refs, 1u);
}

/* Adds one page. `share` is this vspace's part by the sharing of the tables on the path; the
   page's own entries divide it further. `alone` is true if no table on the path is shared. */
static void add_page(struct survey *survey, pte_t entry, uint64_t share, bool alone)
{
    const struct frame *frame = entry_frame(entry);
    uint32_t entries = sharers(frame);
    bool dirty = frame->kind == FRAME_ANON || ((entry & PTE_SHARED) && (entry & PTE_DIRTY));

    if (frame_is_zero_page(frame))
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

static bool survey_table(struct table_visit *at, void *arg)
{
    struct surveyor *by = arg;
    uint64_t share = PAGE_SIZE << SURVEY_SHIFT;
    bool alone = true;
    unsigned n;

    if (at->level > LEAF_LEVEL)
        return true;
    for (int level = ROOT_LEVEL - 1; level >= LEAF_LEVEL; level--) {
        uint32_t refs = sharers(at->path[level]);

        share /= refs;
        alone &= refs == 1;
    }
    for_each_visited_entry(n, at)
        add_page(by->survey, entry_load(&visited_entries(at)[n]), share, alone);
    return --by->tables_left > 0;
}

void vspace_survey(struct vspace *vspace, uaddr_t start, uaddr_t end, struct survey *survey)
{
    assert(start <= end && end <= USER_END && !((start | end) % PAGE_SIZE));
    while (start < end) {
        struct surveyor by = {.survey = survey, .tables_left = TABLES_AT_ONCE};

        rwlock_read_lock(&vspace->lock);
        start = pagetable_visit(&vspace->pagetable, start, end, survey_table, &by);
        rwlock_read_unlock(&vspace->lock);
    }
}

static void count_if_anonymous(uint64_t *count, pte_t entry)
{
    *count += entry_frame(entry)->kind == FRAME_ANON;
}

static bool count_held(struct table_visit *at, void *held)
{
    uint64_t *count = held;
    unsigned n;

    ++*count; /* the table */
    if (at->level == LEAF_LEVEL)
        for_each_visited_entry(n, at)
            count_if_anonymous(count, entry_load(&visited_entries(at)[n]));
    return true;
}

uint64_t vspace_held(struct vspace *vspace)
{
    uint64_t held = 0;

    rwlock_read_lock(&vspace->lock);
    pagetable_visit(&vspace->pagetable, 0, USER_END, count_held, &held);
    rwlock_read_unlock(&vspace->lock);
    return held;
}

static bool count_visited_table(struct table_visit *at __unused, void *count)
{
    ++*(uint64_t *)count;
    return true;
}

struct vspace_sizes vspace_sizes(struct vspace *vspace)
{
    struct vspace_sizes sizes = {0};
    uint64_t tables = 0;

    rwlock_read_lock(&vspace->lock);
    pagetable_visit(&vspace->pagetable, 0, USER_END, count_visited_table, &tables);
    sizes.tables = tables * PAGE_SIZE;
    sizes.mapped = vspace->account.mapped_bytes;
    sizes.mapped_peak = vspace->account.mapped_peak;
    sizes.data = vspace->account.data_bytes;
    sizes.locked = vspace->account.locked_bytes;
    for (struct vregion *region = vregion_first(&vspace->regions); region;
         region = vregion_next(region)) {
        sizes.stack += region->kind == VREGION_STACK ? vregion_len(region) : 0;
        sizes.exec += region->prot & PROT_X ? vregion_len(region) : 0;
    }
    rwlock_read_unlock(&vspace->lock);
    return sizes;
}
