/* The page-fault handler. It implements this table, in this order ("enough" is said of the whole
   walk, from the root to the leaf):

       region?  allowed?  the walk     write?   outcome
       none     -         -            -        FAULT_NOT_MAPPED, unless a stack above grows to the
                                                page (stack.c): then the rows for what it holds
       found    no        -            -        FAULT_NOT_ALLOWED
       found    yes       enough       any      FAULT_SPURIOUS: another thread was first, or this
                                                CPU's TLB is behind: flush it, go on
       shared   yes       absent       any      FAULT_SHARED_MAPPED: the object's page; W only for a
                                                write, and the object then has it as dirty
       shared   yes       not enough   yes      FAULT_SHARED_DIRTIED: the object has it as dirty, and
                                                W is set; no count is looked at
       private  yes       absent       no       FAULT_FILE_MAPPED, FAULT_ZERO_MAPPED: the file's
                                                page or the shared zero page, read-only (on the
                                                stack, and where a file ends within the page: as for
                                                a write)
       private  yes       absent       yes      FAULT_FILE_COPIED, FAULT_ZERO_FILLED: a copy of the
                                                file's page, or a zeroed frame
       private  yes       not enough   yes      FAULT_REUSED, FAULT_COPIED, or FAULT_ZERO_FILLED in
                                                the place of the zero page: rule 3 (own.c)
       any      yes       not enough   any      FAULT_REUSED, if the leaf is enough once its tables
                                                are mine

   FAULT_NO_PAGE ends a row that asks a pager, if the object has no such page, cannot read it, or has
   no room to write it. FAULT_NO_MEMORY ends a row that needs a frame, if there is none.
   A forced access (FAULT_FORCED) reads for a debugger: it is allowed everywhere.

   If another thread changes the entry between our look and our update, a step returns TRY_AGAIN,
   and fault_resolve starts over at the walk. If a pager must read the page from a device, a step
   returns FAULT_WOULD_WAIT: fault_at lets the vspace's lock go, waits, and starts over at the region.
   FAULT_INTERRUPTED ends the wait of a thread that is to be killed.

   A DEBUG build does the walk of each resolved fault again (verify.c). In every build, a fault that
   comes again and again is noticed: once a fault is resolved, only a loss of rights in the page
   table can bring it back, and `withdrawals` counts these.

   Locks: the vspace's, for reading, all through, so regions stand still, and tables that are
   mine stay. A table's lock is held only while its entries are read, compared, set or copied,
   never while a page is zeroed, copied or fetched. What was allocated and is not needed is
   dropped; what was replaced is dropped last. Where a stack grows, the vspace's lock is held for
   writing instead, because a region changes. */

#include <linux/errno.h>
#include <arch/atomic.h>
#include <arch/event.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <vm/fault.h>
#include <vm/zero.h>
#include "verify.h"

#define TRY_AGAIN FAULT_OUTCOMES

/* A page that is not ready. */
struct page_wait {
    struct pager *pager; /* with a reference */
    uint64_t index;
    enum pager_use use;
};

/* Which faults are verified once they are resolved. */
enum verification {
    VERIFY_IN_DEBUG,
    VERIFY,
};

#if defined(DEBUG) && !defined(NO_VSPACE_CHECK)
#define IS_VERIFIED(verification) ((void)(verification), true)
#else
#define IS_VERIFIED(verification) ((verification) == VERIFY)
#endif

/* A fault that is being resolved. */
struct fault {
    const struct vregion *region;
    unsigned access; /* FAULT_ words */
    struct leaf leaf;
    struct page_wait *wait; /* with FAULT_WOULD_WAIT: for what */
};

/* Outcomes by CPU, of all vspaces. */
static struct fault_counts all_counts[MAX_CPUS];

static bool is_write(const struct fault *fault)
{
    return fault->access & FAULT_WRITE;
}

static bool is_allowed(const struct vregion *region, unsigned access)
{
    if (access & FAULT_FORCED)
        return true;
    if (access & FAULT_WRITE)
        return region->prot & PROT_W;
    if (access & FAULT_EXEC)
        return region->prot & PROT_X;
    return region->prot; /* x86 has no pages that can be written or run but not read */
}

/* Returns true if the walk allows the access. W counts only if it is set all the way. */
static bool is_enough(const struct walk *walk, unsigned access)
{
    if (!(walk->leaf & PTE_PRESENT))
        return false;
    if (access & FAULT_WRITE)
        return walk->leaf_table && (walk->leaf & PTE_WRITE);
    return !(access & FAULT_EXEC) || !(walk->leaf & PTE_NX);
}

/* Returns the bits of a leaf of the region, without W. */
static pte_t leaf_rights(const struct vregion *region)
{
    return prot_to_pte(region->prot) | PTE_ACCESSED;
}

/* Returns a leaf that may be written at once, if the region allows it. */
static pte_t leaf_rights_mine(const struct vregion *region)
{
    return leaf_rights(region) | (region->prot & PROT_W ? PTE_WRITE | PTE_DIRTY : 0);
}

/* Puts a page where none was. Takes over the caller's reference on `frame`. */
static enum fault_outcome install(const struct fault *fault, struct frame *frame, pte_t rights,
                                  enum fault_outcome outcome)
{
    debug_assert(frame_refs(frame) > 0 && !(rights & PTE_ADDR));
    if (entry_replace(fault->leaf.table, fault->leaf.slot, 0, frame_to_phys(frame) | rights))
        return outcome;
    frame_put(frame);
    return TRY_AGAIN;
}

/* ---- Where a page comes from ---- */

/* Returns how many bytes of the page the region's pager fills; the rest is zero. */
static size_t pager_bytes(const struct vregion *region, uaddr_t page)
{
    if (!region->pager)
        return 0;
    if (region->shared || region->data_end >= page + PAGE_SIZE)
        return PAGE_SIZE;
    return region->data_end > page ? region->data_end - page : 0;
}

/* Returns how a fault ends after a pager's answer. */
static enum fault_outcome pager_outcome(int err)
{
    switch (err) {
    case 0:
        return FAULT_FILE_MAPPED;
    case -EAGAIN:
        return FAULT_WOULD_WAIT;
    case -EINTR:
        return FAULT_INTERRUPTED;
    case -ENOMEM:
        return FAULT_NO_MEMORY;
    default:
        return FAULT_NO_PAGE;
    }
}

static enum fault_outcome pager_page(const struct fault *fault, enum pager_use use,
                                     struct frame **frame)
{
    const struct vregion *region = fault->region;
    uint64_t index = vregion_pager_page(region, fault->leaf.page);
    int err = region->pager->ops->page(region->pager, index, use, frame);

    if (err == -EAGAIN) {
        region->pager->ops->get(region->pager, false);
        *fault->wait = (struct page_wait){region->pager, index, use};
    }
    return pager_outcome(err);
}

/* ---- The rows ---- */

static enum fault_outcome shared_absent(const struct fault *fault)
{
    const struct vregion *region = fault->region;
    struct frame *frame;
    enum fault_outcome outcome =
        pager_page(fault, is_write(fault) ? PAGER_WRITE : PAGER_READ, &frame);

    if (!fault_resolved(outcome))
        return outcome;
    pte_t rights = is_write(fault) ? leaf_rights_mine(region) : leaf_rights(region);
    return install(fault, frame, rights | PTE_SHARED, FAULT_SHARED_MAPPED);
}

/* The object marks the page as dirty, then W is set. The vspace's lock is held over both, because
   otherwise this could happen:

       this thread has the page marked as dirty     write-back takes the mark off
                                                    clears W in each entry, and passes this one
       sets W: the program writes a page that the object takes for clean

   Write-back holds the lock for writing while it clears W. */
static enum fault_outcome shared_not_enough(const struct fault *fault)
{
    const struct leaf *leaf = &fault->leaf;
    struct frame *frame;
    enum fault_outcome outcome = pager_page(fault, PAGER_WRITE, &frame);

    if (!fault_resolved(outcome))
        return outcome;
    bool is_set =
        frame == entry_frame(leaf->entry) &&
        entry_replace(leaf->table, leaf->slot, leaf->entry, leaf->entry | PTE_WRITE | PTE_DIRTY);
    frame_put(frame);
    return is_set ? FAULT_SHARED_DIRTIED : TRY_AGAIN;
}

static enum fault_outcome anonymous_absent(const struct fault *fault)
{
    const struct vregion *region = fault->region;

    if (!is_write(fault) && region->kind != VREGION_STACK) {
        frame_get(zero_page);
        return install(fault, zero_page, leaf_rights(region), FAULT_ZERO_MAPPED);
    }
    struct frame *frame = frame_alloc_zeroed(FRAME_ANON);
    if (!frame)
        return FAULT_NO_MEMORY;
    return install(fault, frame, leaf_rights_mine(region), FAULT_ZERO_FILLED);
}

/* Installs a private copy of the first `len` bytes of a file's page, with zeros behind them. */
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
    return install(fault, frame, leaf_rights_mine(fault->region), FAULT_FILE_COPIED);
}

static enum fault_outcome private_absent(const struct fault *fault)
{
    size_t len = pager_bytes(fault->region, fault->leaf.page);
    struct frame *file;

    if (len == 0)
        return anonymous_absent(fault);

    enum fault_outcome outcome = pager_page(fault, PAGER_READ, &file);
    if (!fault_resolved(outcome))
        return outcome;
    if (!is_write(fault) && len == PAGE_SIZE)
        return install(fault, file, leaf_rights(fault->region), FAULT_FILE_MAPPED);
    outcome = file_copy(fault, file, len);
    frame_put(file);
    return outcome;
}

static enum fault_outcome private_not_enough(const struct fault *fault)
{
    switch (pagetable_own_page(&fault->leaf, leaf_rights(fault->region))) {
    case OWN_REUSED:
        return FAULT_REUSED;
    case OWN_COPIED:
        return frame_is_zero_page(entry_frame(fault->leaf.entry)) ? FAULT_ZERO_FILLED
                                                                  : FAULT_COPIED;
    case OWN_NO_MEMORY:
        return FAULT_NO_MEMORY;
    case OWN_TRY_AGAIN:
        break;
    }
    return TRY_AGAIN;
}

/* ---- The handler ---- */

/* Tries to resolve the fault once: the rows from "the walk" on. */
static enum fault_outcome fault_try(struct fault *fault)
{
    struct leaf *leaf = &fault->leaf;
    struct walk walk = pagetable_walk(leaf->pt, leaf->page);

    if (is_enough(&walk, fault->access)) {
        tlb_flush_local_page(&leaf->pt->mmu, leaf->page);
        return FAULT_SPURIOUS;
    }
    leaf->table = walk.leaf_table;
    if (!leaf->table && pagetable_own(leaf->pt, leaf->page, LEAF_LEVEL, OWN_INSERT, &leaf->table))
        return FAULT_NO_MEMORY;
    leaf->slot = entry_slot(leaf->table, LEAF_LEVEL, leaf->page);
    leaf->entry = entry_load(leaf->slot);

    if (entry_kind(leaf->entry, LEAF_LEVEL) == ENTRY_ABSENT)
        return fault->region->shared ? shared_absent(fault) : private_absent(fault);
    /* A held page belongs to a region that allows nothing, and pagetable_protect keeps to that. */
    assert(entry_kind(leaf->entry, LEAF_LEVEL) == ENTRY_PAGE || (fault->access & FAULT_FORCED));
    if (is_write(fault) && !(leaf->entry & PTE_WRITE))
        return fault->region->shared ? shared_not_enough(fault) : private_not_enough(fault);
    /* The tables were what was missing, or another thread has been here. */
    return FAULT_REUSED;
}

static void fault_check(struct vspace *vspace, uaddr_t addr, const struct fault *fault,
                        bool was_alone, enum fault_outcome outcome)
{
    const struct fault_claim claim = {
        .addr = addr,
        .access = fault->access,
        .outcome = outcome,
        .is_alone = was_alone,
        .data_bytes = pager_bytes(fault->region, fault->leaf.page),
    };

    fault_verify(vspace, &claim);
}

/* Under the read lock an entry only gains: a page, a copy of its own, W. Each try that fails has met
   such a change, so a fault starts over a few times at most. */
#define TRIES_MAX 100

static enum fault_outcome fault_resolve(struct vspace *vspace, uaddr_t addr, unsigned access,
                                        enum verification verification, struct page_wait *wait)
{
    struct fault fault = {
        .region = vregion_find(&vspace->regions, addr),
        .access = access,
        .leaf = {.pt = &vspace->pagetable, .page = page_floor(addr)},
        .wait = wait,
    };
    bool is_alone = IS_VERIFIED(verification) && atomic_load(&vspace->pagetable.threads) == 1;
    enum fault_outcome outcome;
    unsigned tries = 0;

    debug_assert(rwlock_is_held(&vspace->lock));
    if (!fault.region)
        return FAULT_NOT_MAPPED;
    if (!is_allowed(fault.region, access))
        return FAULT_NOT_ALLOWED;
    while ((outcome = fault_try(&fault)) == TRY_AGAIN) {
        if (++tries > TRIES_MAX)
            panic(RULE(1) "the fault at %#lx has been tried again %u times", addr, tries);
    }
    if (IS_VERIFIED(verification) && fault_resolved(outcome) && !(access & FAULT_FORCED))
        fault_check(vspace, addr, &fault, is_alone, outcome);
    return outcome;
}

/* Counts an outcome, on this CPU, and returns it. A thread may move to another CPU between reading
   its number and counting, so the additions are atomic. */
static enum fault_outcome fault_counted(struct vspace *vspace, uaddr_t addr,
                                        enum fault_outcome outcome)
{
    unsigned cpu = cpu_id();

    atomic_add_fetch(&vspace->counts[cpu].faults[outcome], 1ul);
    atomic_add_fetch(&all_counts[cpu].faults[outcome], 1ul);
    EVENT(fault_end, vspace->number, addr, outcome);
    return outcome;
}

enum fault_outcome vspace_fault_locked(struct vspace *vspace, uaddr_t addr, unsigned access)
{
    struct page_wait wait;

    EVENT(fault_begin, vspace->number, addr, access);
    enum fault_outcome outcome = fault_resolve(vspace, addr, access, VERIFY_IN_DEBUG, &wait);

    if (outcome == FAULT_WOULD_WAIT) {
        wait.pager->ops->put(wait.pager, false);
        EVENT(fault_end, vspace->number, addr, outcome);
        return outcome;
    }
    return fault_counted(vspace, addr, outcome);
}

/* Resolves a fault where a look under the read lock has found no region. The stack grows and its
   page comes under one lock, so that no other thread sees the one without the other. */
static enum fault_outcome fault_below_stack(struct vspace *vspace, uaddr_t addr, unsigned access,
                                            enum verification verification, struct page_wait *wait)
{
    enum fault_outcome outcome = FAULT_NOT_MAPPED;

    rwlock_write_lock(&vspace->lock);
    if (vspace_grow_stack_locked(vspace, addr))
        outcome = fault_resolve(vspace, addr, access, verification, wait);
    rwlock_write_unlock(&vspace->lock);
    return outcome;
}

/* Waits for the page without a lock, so that mmap, fork and munmap go on meanwhile. Returns
   FAULT_WOULD_WAIT if the fault is to be tried again. */
static enum fault_outcome page_wait(const struct page_wait *wait)
{
    int err = wait->pager->ops->wait(wait->pager, wait->index, wait->use);

    wait->pager->ops->put(wait->pager, false);
    return err ? pager_outcome(err) : FAULT_WOULD_WAIT;
}

static enum fault_outcome fault_at(struct vspace *vspace, uaddr_t addr, unsigned access,
                                   enum verification verification)
{
    enum fault_outcome outcome;
    struct page_wait wait;

    debug_assert(lock_check_none_from(RANK_VSPACE));
    EVENT(fault_begin, vspace->number, addr, access);
    do {
        rwlock_read_lock(&vspace->lock);
        outcome = fault_resolve(vspace, addr, access, verification, &wait);
        rwlock_read_unlock(&vspace->lock);
        if (outcome == FAULT_NOT_MAPPED)
            outcome = fault_below_stack(vspace, addr, access, verification, &wait);
        if (unlikely(outcome == FAULT_WOULD_WAIT))
            outcome = page_wait(&wait);
    } while (unlikely(outcome == FAULT_WOULD_WAIT));
    return fault_counted(vspace, addr, outcome);
}

enum fault_outcome vspace_fault(struct vspace *vspace, uaddr_t addr, unsigned access)
{
    return fault_at(vspace, addr, access, VERIFY_IN_DEBUG);
}

enum fault_outcome vspace_fault_verified(struct vspace *vspace, uaddr_t addr, unsigned access)
{
    return fault_at(vspace, addr, access, VERIFY);
}

bool fault_repeat_is_endless(struct fault_repeats *last, const struct vspace *vspace,
                             unsigned access)
{
    /* If rights are lost while the last fault is resolved, the count starts over in vain. */
    unsigned withdrawals = atomic_load(&vspace->pagetable.withdrawals);

    if (last->count == 0 || last->access != access || last->withdrawals != withdrawals) {
        last->access = access;
        last->withdrawals = withdrawals;
        last->count = 0;
    }
    return ++last->count >= FAULT_REPEATS;
}

static uint64_t counts_sum(const struct fault_counts *counts, enum fault_outcome outcome)
{
    uint64_t sum = 0;

    for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
        sum += atomic_load_relaxed(&counts[cpu].faults[outcome]);
    return sum;
}

uint64_t vspace_fault_count(const struct vspace *vspace, enum fault_outcome outcome)
{
    return counts_sum(vspace->counts, outcome);
}

uint64_t fault_total(enum fault_outcome outcome)
{
    return counts_sum(all_counts, outcome);
}
