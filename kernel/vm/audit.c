/* The audit: counts every reference again, from nothing, and compares (design.md, rule 4).

   The following hold references on frames:

       - the entries of tables; each table counts once, however many paths lead to it
       - the roots, one for each vspace
       - the owners that registered here: page caches, ...
       - the kernel itself, one on each of its frames: heap, stacks, the zero page

   The zero page has this one reference for ever. Entries that show it are not counted, neither by
   the fault handler nor here: its kind tells them apart.

   The count goes into the frame's descriptor (`recount`), so the audit needs no memory of its
   own.

   The world is stopped: nothing changes meanwhile but what the audit itself does.

   If the counts agree, W and the promises are checked, vspace by vspace. The promises need no
   counts, so a DEBUG build checks them after every change of regions, too (vspace_check). */

#include <arch/atomic.h>
#include <arch/console.h>
#include <arch/paging.h>
#include <arch/report.h>
#include <lib/panic.h>
#include <lib/printf.h>
#include <vm/audit.h>
#include <vm/vspace.h>
#include <vm/zero.h>

static struct audit_owner *owners;
static unsigned differences; /* of the audit that is running */

void audit_register(struct audit_owner *owner)
{
    owner->next = owners;
    owners = owner;
}

/* Notes a difference; the first is printed. The format may begin with RULE(n). */
__printf(1, 2) static void differs(const char *fmt, ...)
{
    va_list args;
    char text[256];

    if (differences++ > 0)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), rule_text(fmt), args);
    va_end(args);
    printk("audit: %s\n", text);
    report_broken(fmt, text);
}

static void audit_hold(struct frame *frame)
{
    if (frame->kind != FRAME_ZERO)
        frame->recount++;
}

/* Returns true if the kernel holds a reference on each frame of this kind. */
static bool is_held_by_kernel(const struct frame *frame)
{
    switch (frame->kind) {
    case FRAME_HEAP:
    case FRAME_KSTACK:
    case FRAME_KERNEL:
    case FRAME_ZERO:
        return true;
    default:
        return false;
    }
}

/* Sets the recount of each used frame: 1 if the kernel holds the frame for itself, else 0. */
static void reset_counts(void)
{
    for (uint32_t pfn = 0; pfn < frame_count; pfn += 1u << pfn_to_frame(pfn)->order) {
        struct frame *frame = pfn_to_frame(pfn);

        if (frame->kind == FRAME_RESERVED || frame_is_free(frame))
            continue;
        frame->recount = is_held_by_kernel(frame);
    }
}

/* ---- Counting ---- */

static void check_target(pte_t entry, int level, uaddr_t addr)
{
    const struct frame *frame = entry_frame(entry);

    if ((entry & PTE_ADDR) >> PAGE_SHIFT >= frame_count || frame_is_free(frame) ||
        frame->kind == FRAME_RESERVED)
        differs(RULE(1) "the entry %#lx at level %d for %#lx points to no frame in use", entry,
                level, addr);
    else if (level > LEAF_LEVEL && frame->kind != FRAME_TABLE)
        differs(RULE(1) "the entry %#lx at level %d for %#lx points to no table", entry, level,
                addr);
    else if (level > LEAF_LEVEL && !(entry & PTE_PRESENT))
        differs(RULE(1) "the entry %#lx at level %d for %#lx is not present", entry, level, addr);
}

/* Counts what the entries of a table hold. A table below is entered when it is met first. */
static void count_table(struct frame *table, int level, unsigned nentries, uaddr_t base)
{
    const pte_t *entries = frame_to_virt(table);

    for (unsigned n = 0; n < nentries; n++) {
        uaddr_t addr = base + n * level_span(level);
        unsigned before = differences;

        if (!entries[n])
            continue;
        if (entry_next_used(table, n, nentries) != n)
            differs("the entry %#lx at level %d for %#lx stands in a group that counts as empty",
                    entries[n], level, addr);
        check_target(entries[n], level, addr);
        if (differences > before)
            continue;
        struct frame *frame = entry_frame(entries[n]);
        audit_hold(frame);
        if (entry_kind(entries[n], level) == ENTRY_TABLE && frame->recount == 1)
            count_table(frame, level - 1, TABLE_ENTRIES, addr);
    }
}

static bool count_vspace(struct vspace *vspace, void *arg __unused)
{
    struct frame *root = pagetable_root(&vspace->pagetable);

    audit_hold(root);
    count_table(root, ROOT_LEVEL, USER_ROOT_ENTRIES, 0);
    return true;
}

/* ---- Comparing ---- */

static void compare_counts(void)
{
    for (uint32_t pfn = 0; pfn < frame_count; pfn += 1u << pfn_to_frame(pfn)->order) {
        const struct frame *frame = pfn_to_frame(pfn);
        uint32_t found = frame_is_free(frame) ? 0 : frame->recount;

        if (frame->kind != FRAME_RESERVED && frame->refcount != found)
            differs(RULE(4) "frame %#x (%s) has %u references, and %u are found", pfn,
                    frame_kind_name(frame->kind), frame->refcount, found);
    }
}

/* ---- One vspace ---- */

/* The regions from `start` up to the first behind `end` are in order, neither empty nor
   overlapping. */
static void check_regions(struct vspace *vspace, uaddr_t start, uaddr_t end)
{
    struct vregion *region = vregion_find_from(&vspace->regions, start);
    const struct vregion *below = region ? vregion_prev(region) : NULL;
    uaddr_t before = below ? below->end : USER_START;

    for (; region && before <= end; region = vregion_next(region)) {
        if (region->start < before || region->end <= region->start || region->end > USER_END)
            differs(RULE(1) "the region %#lx-%#lx is out of order", region->start, region->end);
        if (region->gap != max(vregion_floor(region), before) - before)
            differs(RULE(1) "the region %#lx-%#lx has a wrong gap", region->start, region->end);
        before = region->end;
    }
}

/* The rights of a leaf against what its region promises. */
static void check_leaf(const struct vregion *region, pte_t entry, uaddr_t addr)
{
    bool is_present = entry_kind(entry, LEAF_LEVEL) == ENTRY_PAGE;

    if (!region)
        differs(RULE(1) "the page %#lx is there, but no region promises it", addr);
    else if ((entry & PTE_WRITE) && !(region->prot & PROT_W))
        differs(RULE(1) "the page %#lx is writable, but its region is not", addr);
    else if (is_present && !(entry & PTE_NX) && !(region->prot & PROT_X))
        differs(RULE(1) "the page %#lx is executable, but its region is not", addr);
    else if (is_present && !region->prot)
        differs(RULE(1) "the page %#lx is present, but nobody may touch it", addr);
    else if (!(entry & PTE_SHARED) != !region->shared)
        differs(RULE(1) "the page %#lx and its region disagree on being shared", addr);
    else if (entry & PTE_FRESH)
        differs(RULE(1) "the page %#lx is still marked as fresh", addr);
}

static bool check_table(struct table_visit *at, void *arg)
{
    struct vspace *vspace = arg;
    const struct vregion *region = NULL;
    unsigned n;

    if (at->level > LEAF_LEVEL)
        return true;
    for_each_visited_entry(n, at)
    {
        uaddr_t addr = visited_addr(at, n);

        if (!region || addr >= region->end)
            region = vregion_find(&vspace->regions, addr);
        check_leaf(region, entry_load(&visited_entries(at)[n]), addr);
    }
    return true;
}

/* Checks that only what a region promises is in [start, end). Shared tables are visited once for
   each vspace, because the vspace's own regions are compared. */
static void check_promises(struct vspace *vspace, uaddr_t start, uaddr_t end)
{
    check_regions(vspace, start, end);
    pagetable_visit(&vspace->pagetable, start, end, check_table, vspace);
}

#if defined(DEBUG) && !defined(NO_VSPACE_CHECK)
void vspace_check(struct vspace *vspace, uaddr_t start, uaddr_t end)
{
    unsigned before = differences;

    check_promises(vspace, start, end);
    if (differences > before)
        panic(RULE(1) "a vspace and its page table disagree");
}
#endif

/* Returns true if other entries may lead to the frame, or it is never written. */
static bool is_for_all(const struct frame *frame)
{
    return frame->recount != 1 || frame_is_zero_page(frame);
}

/* A page of an object is the one that the object has there, and dirty if programs can write it. */
static void check_object_page(struct vspace *vspace, pte_t entry, uaddr_t addr)
{
    const struct vregion *region = vregion_find(&vspace->regions, addr);
    enum pager_use use = entry & PTE_WRITE ? PAGER_WRITE : PAGER_READ;
    const struct pager *pager = region ? region->pager : NULL;

    if (!pager || !pager->ops->is_page(region->pager, vregion_pager_page(region, addr), use,
                                       entry_frame(entry)))
        differs(RULE(2) "the entry %#lx for %#lx shows no page of its object, or one that the "
                        "object takes "
                        "for clean",
                entry, addr);
}

/* Rule 2: an entry with W set is the only one that its target has. */
static bool check_mine(struct table_visit *at, void *vspace)
{
    unsigned n;

    for_each_visited_entry(n, at)
    {
        pte_t entry = entry_load(&visited_entries(at)[n]);

        if ((entry & (PTE_WRITE | PTE_SHARED)) == PTE_WRITE && is_for_all(entry_frame(entry)))
            differs(
                RULE(2) "the entry %#lx at level %d for %#lx has W set, but its target (%s) has %u "
                        "references",
                entry, at->level, visited_addr(at, n), frame_kind_name(entry_frame(entry)->kind),
                entry_frame(entry)->recount);
        if (entry_frame(entry)->kind == FRAME_CACHE)
            check_object_page(vspace, entry, visited_addr(at, n));
    }
    return true;
}

static bool check_vspace(struct vspace *vspace, void *arg __unused)
{
    check_promises(vspace, 0, USER_END + PAGE_SIZE);
    pagetable_visit(&vspace->pagetable, 0, USER_END + PAGE_SIZE, check_mine, vspace);
    return true;
}

unsigned audit_run(void)
{
    differences = 0;
    reset_counts();
    vspace_for_each(count_vspace, NULL);
    for (struct audit_owner *owner = owners; owner; owner = owner->next)
        owner->visit(audit_hold);
    compare_counts();
    if (differences == 0)
        vspace_for_each(check_vspace, NULL);
    unsigned pages = paging_check_wx();
    if (pages)
        differs(RULE(9) "%u pages of the kernel are both writable and executable", pages);
    return differences;
}
