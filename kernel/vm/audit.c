/* The audit: counts every reference again, from nothing, and compares (design.md, rule 4).

   A frame's references come from: the entries of tables, each table visited once however many paths lead to it; the
   roots, one for each vspace; the owners that registered here (page caches, ...); and, for what the kernel has for
   itself (heap, stacks, the zero page), one. The count goes into the frame's descriptor (`recount`), so the audit
   needs no memory of its own.

   The world is stopped: nothing changes meanwhile but what the audit itself does. */

#include <arch/atomic.h>
#include <arch/console.h>
#include <arch/paging.h>
#include <lib/panic.h>
#include <lib/printf.h>
#include <vm/audit.h>
#include <vm/vspace.h>

static struct audit_owner *owners;
static unsigned differences; /* of the audit that is running */

void audit_register(struct audit_owner *owner)
{
    owner->next = owners;
    owners = owner;
}

/* Notes a difference; the first is printed. */
__printf(1, 2) static void differs(const char *fmt, ...)
{
    va_list args;

    if (differences++ > 0)
        return;
    printk("audit: ");
    va_start(args, fmt);
    vprintk(fmt, args);
    va_end(args);
    printk("\n");
}

static void hold(struct frame *frame)
{
    frame->recount++;
}

/* What the kernel holds for itself counts one; everything else starts from nothing. */
static void reset_counts(void)
{
    for (uint32_t pfn = 0; pfn < frame_count; pfn += 1u << pfn_to_frame(pfn)->order) {
        struct frame *frame = pfn_to_frame(pfn);

        if (frame->kind == FRAME_RESERVED || frame->kind == FRAME_FREE)
            continue;
        frame->recount =
            frame->kind == FRAME_HEAP || frame->kind == FRAME_KSTACK || frame->kind == FRAME_KERNEL;
    }
}

/* ---- Counting ---- */

static void check_entry(pte_t entry, int level, uaddr_t addr)
{
    const struct frame *frame = pte_frame(entry);

    if ((entry & PTE_ADDR) >> PAGE_SHIFT >= frame_count || frame->kind == FRAME_FREE ||
        frame->kind == FRAME_RESERVED)
        differs("the entry %#lx at level %d for %#lx points to no frame in use", entry, level,
                addr);
    else if (level > 1 && frame->kind != FRAME_TABLE)
        differs("the entry %#lx at level %d for %#lx points to no table", entry, level, addr);
    else if (level > 1 && !(entry & PTE_PRESENT))
        differs("the entry %#lx at level %d for %#lx is not present", entry, level, addr);
}

/* Counts what the entries of a table hold; tables below are entered when they are met first. */
static void count_table(const struct frame *table, int level, unsigned nentries, uaddr_t base)
{
    const pte_t *entries = frame_to_virt(table);

    for (unsigned n = 0; n < nentries; n++) {
        uaddr_t addr = base + n * level_span(level);
        unsigned before = differences;

        if (!entries[n])
            continue;
        check_entry(entries[n], level, addr);
        if (differences > before)
            continue;
        hold(pte_frame(entries[n]));
        if (level > 1 && pte_frame(entries[n])->recount == 1)
            count_table(pte_frame(entries[n]), level - 1, TABLE_ENTRIES, addr);
    }
}

static struct frame *root_of(const struct vspace *vspace)
{
    return phys_to_frame(vspace->pagetable.mmu.root);
}

static bool count_vspace(struct vspace *vspace, void *arg __unused)
{
    hold(root_of(vspace));
    count_table(root_of(vspace), ROOT_LEVEL, TABLE_ENTRIES / 2, 0);
    return true;
}

/* ---- Comparing ---- */

static void compare_counts(void)
{
    static const char *const kinds[FRAME_KINDS] = {"reserved", "free", "anon",   "table",
                                                   "cache",    "heap", "kstack", "kernel"};

    for (uint32_t pfn = 0; pfn < frame_count; pfn += 1u << pfn_to_frame(pfn)->order) {
        const struct frame *frame = pfn_to_frame(pfn);

        if (frame->kind == FRAME_RESERVED)
            continue;
        if (frame->kind == FRAME_FREE ? frame->refcount != 0 : frame->refcount != frame->recount)
            differs("frame %#x (%s) has %u references, and %u are found", pfn, kinds[frame->kind],
                    frame->refcount, frame->kind == FRAME_FREE ? 0 : frame->recount);
    }
}

/* The rights of a leaf against what its region promises. */
static void check_leaf(struct vspace *vspace, pte_t entry, uaddr_t addr)
{
    const struct vregion *region = vregion_find(&vspace->regions, addr);

    if (!region)
        differs("the page %#lx is there, but no region promises it", addr);
    else if ((entry & PTE_WRITE) && !(region->prot & PROT_W))
        differs("the page %#lx is writable, but its region is not", addr);
    else if ((entry & PTE_PRESENT) && !(entry & PTE_NX) && !(region->prot & PROT_X))
        differs("the page %#lx is executable, but its region is not", addr);
    else if ((entry & PTE_PRESENT) && !region->prot)
        differs("the page %#lx is present, but nobody may touch it", addr);
    else if (!(entry & PTE_SHARED) != !region->shared)
        differs("the page %#lx and its region disagree on being shared", addr);
}

/* Rule 2: an entry with W set is the only one that its target has. Then, of leaves, what regions promise. Shared
   tables are entered once for each vspace: it is the vspace's own regions that are compared. */
static void check_rights(struct vspace *vspace, const struct frame *table, int level,
                         unsigned nentries, uaddr_t base)
{
    const pte_t *entries = frame_to_virt(table);

    for (unsigned n = 0; n < nentries; n++) {
        pte_t entry = entries[n];
        uaddr_t addr = base + n * level_span(level);

        if (!entry)
            continue;
        if ((entry & PTE_WRITE) && !(entry & PTE_SHARED) && pte_frame(entry)->recount != 1)
            differs("the entry %#lx at level %d for %#lx has W set, but its target %u references",
                    entry, level, addr, pte_frame(entry)->recount);
        if (level > 1)
            check_rights(vspace, pte_frame(entry), level - 1, TABLE_ENTRIES, addr);
        else
            check_leaf(vspace, entry, addr);
    }
}

/* Regions in order, neither empty nor overlapping. */
static void check_regions(struct vspace *vspace)
{
    uaddr_t floor = USER_START;

    for (struct vregion *region = vregion_find_from(&vspace->regions, 0); region;
         region = vregion_next(region)) {
        if (region->start < floor || region->end <= region->start || region->end > USER_END)
            differs("the region %#lx-%#lx is out of order", region->start, region->end);
        if (region->gap != region->start - floor)
            differs("the region %#lx-%#lx has a wrong gap", region->start, region->end);
        floor = region->end;
    }
}

static bool check_vspace(struct vspace *vspace, void *arg __unused)
{
    check_regions(vspace);
    check_rights(vspace, root_of(vspace), ROOT_LEVEL, TABLE_ENTRIES / 2, 0);
    return true;
}

unsigned audit_run(void)
{
    differences = 0;
    reset_counts();
    vspace_for_each(count_vspace, NULL);
    for (struct audit_owner *owner = owners; owner; owner = owner->next)
        owner->visit(hold);
    compare_counts();
    if (differences == 0)
        vspace_for_each(check_vspace, NULL);
    unsigned pages = paging_check_wx();
    if (pages)
        differs("%u pages of the kernel are both writable and executable", pages);
    return differences;
}
