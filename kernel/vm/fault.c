/* The page-fault handler. It implements this table, in this order ("enough" is said of the whole walk):

       region?  allowed?  the walk     write?   outcome
       none     -         -            -        FAULT_NOT_MAPPED
       found    no        -            -        FAULT_NOT_ALLOWED
       found    yes       enough       any      spurious: another CPU was first; flush this CPU's entry, go on
       shared   yes       absent       any      the object's page; none there: FAULT_NO_PAGE
       shared   yes       not enough   yes      tables made mine, W set, the page dirty: no counts looked at
       private  yes       absent       no       file page, or the shared zero page, read-only
                                                (on the stack, and where a file ends within the page: as for a write)
       private  yes       absent       yes      a zeroed frame, or a private copy of the file page
       private  yes       not enough   yes      take it, or copy it (rule 3)

   A step that finds that another thread was faster is tried again from the walk on (TRY_AGAIN).

   Locks: the vspace's, for reading, all through: so regions stand still, and tables that are mine stay. A table's
   lock only while its entry is tested and set: never while a page is zeroed, copied or fetched. What is allocated
   before and then not needed is given back; what is replaced is dropped last. */

#include <linux/errno.h>
#include <arch/atomic.h>
#include <lib/panic.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <vm/fault.h>

#define TRY_AGAIN FAULT_OUTCOMES

/* One fault that is being resolved. */
struct fault {
    struct vspace *vspace;
    struct vregion *region;
    uaddr_t page; /* its address, page aligned */
    bool write;
    struct frame *leaf_table; /* mine, down from the root */
    pte_t *slot;              /* the page's entry there */
    pte_t entry;              /* what it was when we looked */
};

static struct frame *zero_frame; /* the shared zero page */

/* Outcomes by CPU. A thread may be moved between reading its CPU's number and counting, so the counts are atomic, but
   rarely shared. */
static struct {
    uint64_t faults[FAULT_OUTCOMES];
} __aligned(64) cpu_counts[MAX_CPUS];

void fault_init(void)
{
    zero_frame = frame_alloc_zeroed(FRAME_KERNEL);
    if (!zero_frame)
        panic("no memory for the zero page");
}

bool fault_is_zero_page(const struct frame *frame)
{
    return frame == zero_frame;
}

static bool is_allowed(const struct vregion *region, unsigned access)
{
    if (access & FAULT_WRITE)
        return region->prot & PROT_W;
    if (access & FAULT_EXEC)
        return region->prot & PROT_X;
    return region->prot; /* x86 has no pages that can be written or run but not read */
}

/* Whether the walk allows the access: W counts only if it is set all the way. */
static bool is_enough(const struct walk *walk, unsigned access)
{
    if (!(walk->leaf & PTE_PRESENT))
        return false;
    if (access & FAULT_WRITE)
        return walk->leaf_table && (walk->leaf & PTE_WRITE);
    return !(access & FAULT_EXEC) || !(walk->leaf & PTE_NX);
}

/* A leaf for `frame`: `mine` if it may be written at once, being reached through this entry alone. */
static pte_t leaf_for(const struct vregion *region, const struct frame *frame, bool mine)
{
    pte_t entry = frame_to_phys(frame) | prot_to_pte(region->prot) | PTE_ACCESSED;

    if (mine && (region->prot & PROT_W))
        entry |= PTE_WRITE | PTE_DIRTY;
    return entry;
}

/* Puts a page where none was. Takes over the caller's reference on `frame`. */
static enum fault_outcome install(const struct fault *fault, struct frame *frame, pte_t leaf,
                                  enum fault_outcome outcome)
{
    if (entry_replace(fault->leaf_table, fault->slot, 0, leaf))
        return outcome;
    frame_put(frame);
    return TRY_AGAIN;
}

/* ---- Where a page comes from ---- */

/* Bytes of the page that the region's pager fills; the rest is zero. */
static size_t pager_bytes(const struct vregion *region, uaddr_t page)
{
    if (!region->pager)
        return 0;
    if (region->shared || region->data_end >= page + PAGE_SIZE)
        return PAGE_SIZE;
    return region->data_end > page ? region->data_end - page : 0;
}

static enum fault_outcome pager_page(const struct fault *fault, struct frame **frame)
{
    const struct vregion *region = fault->region;
    uint64_t index = region->pager_page + ((fault->page - region->start) >> PAGE_SHIFT);

    switch (region->pager->ops->page(region->pager, index, frame)) {
    case 0:
        return FAULT_FILE_MAPPED;
    case -ENOMEM:
        return FAULT_NO_MEMORY;
    default:
        return FAULT_NO_PAGE;
    }
}

/* ---- The rows ---- */

static enum fault_outcome shared_absent(const struct fault *fault)
{
    struct frame *frame;
    enum fault_outcome outcome = pager_page(fault, &frame);

    if (!fault_resolved(outcome))
        return outcome;
    return install(fault, frame, leaf_for(fault->region, frame, fault->write) | PTE_SHARED,
                   FAULT_SHARED_MAPPED);
}

static enum fault_outcome shared_not_enough(const struct fault *fault)
{
    pte_t leaf = fault->entry | PTE_WRITE | PTE_DIRTY;

    if (!entry_replace(fault->leaf_table, fault->slot, fault->entry, leaf))
        return TRY_AGAIN;
    return FAULT_SHARED_DIRTIED;
}

static enum fault_outcome zero_absent(const struct fault *fault)
{
    if (!fault->write && fault->region->kind != VREGION_STACK) {
        frame_get(zero_frame);
        return install(fault, zero_frame, leaf_for(fault->region, zero_frame, false),
                       FAULT_ZERO_MAPPED);
    }
    struct frame *frame = frame_alloc_zeroed(FRAME_ANON);
    if (!frame)
        return FAULT_NO_MEMORY;
    return install(fault, frame, leaf_for(fault->region, frame, true), FAULT_ZERO_FILLED);
}

/* A private copy of the first `len` bytes of a file page, zeros behind them. */
static enum fault_outcome file_copy(const struct fault *fault, const struct frame *file, size_t len)
{
    struct frame *frame = frame_alloc(FRAME_ANON);

    if (!frame)
        return FAULT_NO_MEMORY;
    char *to = frame_to_virt(frame);
    if (len == PAGE_SIZE) {
        page_copy(to, frame_to_virt(file));
    } else {
        memcpy(to, frame_to_virt(file), len);
        memset(to + len, 0, PAGE_SIZE - len);
    }
    return install(fault, frame, leaf_for(fault->region, frame, true), FAULT_FILE_COPIED);
}

static enum fault_outcome private_absent(const struct fault *fault)
{
    size_t len = pager_bytes(fault->region, fault->page);
    struct frame *file;

    if (len == 0)
        return zero_absent(fault);

    enum fault_outcome outcome = pager_page(fault, &file);
    if (!fault_resolved(outcome))
        return outcome;
    if (!fault->write && len == PAGE_SIZE)
        return install(fault, file, leaf_for(fault->region, file, false), FAULT_FILE_MAPPED);
    outcome = file_copy(fault, file, len);
    frame_put(file);
    return outcome;
}

/* Puts `copy` in the place of the frame that the entry shows, whose reference it drops then. Takes over the caller's
   reference on `copy`. */
static enum fault_outcome replace(const struct fault *fault, struct frame *copy,
                                  enum fault_outcome outcome)
{
    struct pagetable *pt = &fault->vspace->pagetable;
    /* Where no other thread can run in this vspace, nobody reads the old frame through a TLB while we write the new
       one. A second thread can only be made by the one that is here. */
    bool alone = atomic_load(&pt->users) <= 1;
    pte_t leaf = leaf_for(fault->region, copy, alone);

    if (!alone)
        frame_get(copy); /* so that nobody takes it before the flush has ended */
    if (!entry_replace(fault->leaf_table, fault->slot, fault->entry, leaf)) {
        frame_put(copy);
        outcome = TRY_AGAIN;
    } else {
        tlb_flush_page(&pt->mmu, fault->page);
        /* If the entry is another one by now, a thread has copied the copy: its page is the page. */
        if (!alone &&
            !entry_replace(fault->leaf_table, fault->slot, leaf, leaf | PTE_WRITE | PTE_DIRTY))
            outcome = TRY_AGAIN;
        frame_put(pte_frame(fault->entry));
    }
    if (!alone)
        frame_put(copy);
    return outcome;
}

/* Takes the frame if this entry is its last owner; else takes a reference on it, to be copied. */
static bool take_or_get(const struct fault *fault, enum fault_outcome *outcome)
{
    struct frame *frame = pte_frame(fault->entry), *table = fault->leaf_table;
    bool copy = false;

    spin_lock(&table->lock);
    if (!entry_is_same(atomic_load(fault->slot), fault->entry)) {
        *outcome = TRY_AGAIN;
    } else if (frame->kind == FRAME_ANON && frame_refs(frame) == 1) {
        /* It stays one: who could add a reference comes through this entry, under this lock. */
        atomic_or(fault->slot, PTE_WRITE | PTE_DIRTY);
        *outcome = FAULT_TAKEN;
    } else {
        frame_get(frame);
        copy = true;
    }
    spin_unlock(&table->lock);
    return copy;
}

static enum fault_outcome private_not_enough(const struct fault *fault)
{
    struct frame *frame = pte_frame(fault->entry);
    enum fault_outcome outcome;

    if (!take_or_get(fault, &outcome))
        return outcome;

    struct frame *copy = frame_alloc(FRAME_ANON);
    if (!copy) {
        outcome = FAULT_NO_MEMORY;
    } else if (frame == zero_frame) {
        page_zero(frame_to_virt(copy));
        outcome = replace(fault, copy, FAULT_ZERO_FILLED);
    } else {
        page_copy(frame_to_virt(copy), frame_to_virt(frame));
        outcome = replace(fault, copy, FAULT_COPIED);
    }
    frame_put(frame);
    return outcome;
}

/* ---- The handler ---- */

/* One try: the rows from "the walk" on. The path has been made mine, if the walk was not enough. */
static enum fault_outcome fault_try(struct fault *fault, unsigned access)
{
    struct pagetable *pt = &fault->vspace->pagetable;
    struct walk walk = pagetable_walk(pt, fault->page);

    if (is_enough(&walk, access)) {
        tlb_flush_local_page(&pt->mmu, fault->page);
        return FAULT_SPURIOUS;
    }
    if (walk.leaf_table)
        fault->leaf_table = walk.leaf_table;
    else if (pagetable_own(pt, fault->page, &fault->leaf_table))
        return FAULT_NO_MEMORY;
    fault->slot = leaf_entry(fault->leaf_table, fault->page);
    fault->entry = atomic_load(fault->slot);

    assert(!fault->entry || (fault->entry & PTE_PRESENT)); /* pagetable_protect saw to it */
    if (!fault->entry)
        return fault->region->shared ? shared_absent(fault) : private_absent(fault);
    if (fault->write && !(fault->entry & PTE_WRITE))
        return fault->region->shared ? shared_not_enough(fault) : private_not_enough(fault);
    /* The tables were what was missing, or another thread has been here. */
    return FAULT_TAKEN;
}

static enum fault_outcome fault_locked(struct vspace *vspace, uaddr_t addr, unsigned access)
{
    struct fault fault = {
        .vspace = vspace,
        .region = vregion_find(&vspace->regions, addr),
        .page = page_floor(addr),
        .write = access & FAULT_WRITE,
    };
    enum fault_outcome outcome;

    if (!fault.region)
        return FAULT_NOT_MAPPED;
    if (!is_allowed(fault.region, access))
        return FAULT_NOT_ALLOWED;
    do
        outcome = fault_try(&fault, access);
    while (outcome == TRY_AGAIN);
    return outcome;
}

enum fault_outcome vspace_fault(struct vspace *vspace, uaddr_t addr, unsigned access)
{
    rwlock_read_lock(&vspace->lock);
    enum fault_outcome outcome = fault_locked(vspace, addr, access);
    rwlock_read_unlock(&vspace->lock);
    atomic_add_fetch(&vspace->faults[outcome], 1ul);
    atomic_add_fetch(&cpu_counts[cpu_id()].faults[outcome], 1ul);
    return outcome;
}

void fault_totals(uint64_t totals[FAULT_OUTCOMES])
{
    memset(totals, 0, FAULT_OUTCOMES * sizeof(totals[0]));
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
        for (unsigned n = 0; n < FAULT_OUTCOMES; n++)
            totals[n] += atomic_load_relaxed(&cpu_counts[cpu].faults[n]);
}

/* ---- In words ---- */

const char *fault_outcome_name(enum fault_outcome outcome)
{
    static const char *const names[FAULT_OUTCOMES] = {
        [FAULT_ZERO_MAPPED] = "zero_mapped",
        [FAULT_ZERO_FILLED] = "zero_filled",
        [FAULT_FILE_MAPPED] = "file_mapped",
        [FAULT_FILE_COPIED] = "file_copied",
        [FAULT_SHARED_MAPPED] = "shared_mapped",
        [FAULT_SHARED_DIRTIED] = "shared_dirtied",
        [FAULT_TAKEN] = "taken",
        [FAULT_COPIED] = "copied",
        [FAULT_SPURIOUS] = "spurious",
        [FAULT_NOT_MAPPED] = "not_mapped",
        [FAULT_NOT_ALLOWED] = "not_allowed",
        [FAULT_NO_PAGE] = "no_page",
        [FAULT_NO_MEMORY] = "no_memory",
    };
    return names[outcome];
}

static const char *missing_right(unsigned access)
{
    if (access & FAULT_WRITE)
        return "writable";
    return access & FAULT_EXEC ? "executable" : "readable";
}

#define NEAR (1ul << 30) /* bytes above the break that still look like a heap that was too small */

/* Why there is no region at `addr`. */
static void explain_hole(struct vspace *vspace, uaddr_t addr, char *buf, size_t size)
{
    struct vregion *below = vregion_find_from(&vspace->regions, addr);

    below = below ? vregion_prev(below) : vregion_last(&vspace->regions);
    if (addr < USER_START)
        snprintf(buf, size, "not mapped: a null pointer");
    else if (addr >= USER_END)
        snprintf(buf, size, "not a user address");
    else if (addr < vspace->stack_start && addr >= vspace->stack_start - STACK_GUARD_SIZE)
        snprintf(buf, size, "not mapped: below the stack limit, in the guard");
    else if (addr >= vspace->brk && addr - vspace->brk < NEAR && below &&
             below->end <= page_ceil(vspace->brk))
        snprintf(buf, size, "not mapped: %lu bytes above the break", addr - vspace->brk);
    else
        snprintf(buf, size, "not mapped");
}

void fault_explain(struct vspace *vspace, uaddr_t addr, unsigned access, enum fault_outcome outcome,
                   char *buf, size_t size)
{
    rwlock_read_lock(&vspace->lock);
    const struct vregion *region = vregion_find(&vspace->regions, addr);
    if (outcome == FAULT_NO_MEMORY)
        snprintf(buf, size, "out of memory");
    else if (!region)
        explain_hole(vspace, addr, buf, size);
    else if (outcome == FAULT_NO_PAGE)
        snprintf(buf, size, "no page: beyond the end of the file, or unreadable");
    else
        snprintf(buf, size, "not allowed: region %lx-%lx is not %s", region->start, region->end,
                 missing_right(access));
    rwlock_read_unlock(&vspace->lock);
}
