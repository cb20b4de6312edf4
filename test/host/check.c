/* The checks (check.h). The checks read page tables and frames directly, so they set no accessed
   bit and change no TLB. */

#include <arch/paging.h>
#include <mm/heap.h>
#include <vm/audit.h>
#include "check.h"
#include "mmu.h"
#include "platform.h"
#include "system.h"

/* ---- Pages ---- */

static void check_leaf_rights(const struct model_page *page, uaddr_t addr, pte_t leaf)
{
    if (!(leaf & PTE_PRESENT)) {
        check(!page->prot, "%#lx is kept, but hidden", addr);
        return;
    }
    check(page->prot, "%#lx is present, but may not be touched", addr);
    check(leaf & PTE_USER, "%#lx is not the user's", addr);
    check(!(leaf & PTE_WRITE) || page->prot & PROT_W, "%#lx can be written, but may not be", addr);
    check(leaf & PTE_NX || page->prot & PROT_X, "%#lx can be executed, but may not be", addr);
}

static void check_contents(const struct model *model, const struct model_page *page, uaddr_t addr,
                           pte_t leaf)
{
    const char *bytes = phys_to_virt(leaf & PTE_ADDR);

    for (unsigned n = 0; n < NWORDS; n++) {
        uint64_t is = *(const uint64_t *)(bytes + word_offsets[n]);
        uint64_t should = model_word(model, page, n);

        check(is == should, "%#lx holds %#lx at byte %u, and should hold %#lx", addr, is,
              word_offsets[n], should);
    }
}

/* Checks that an absent page has lost no contents: the process neither wrote nor copied the
   page. */
static void check_absent(const struct model_page *page, uaddr_t addr)
{
    check(!page->written, "%#lx was written, and is gone", addr);
    check(page->shared || !page->own || page->filled == 0, "%#lx was copied, and is gone", addr);
}

/* Checks that a page of an object is the one that the object has there, and that the object knows if
   it can be written. */
static void check_object_page(struct vspace *vspace, uaddr_t addr, pte_t leaf)
{
    const struct vregion *region = vregion_find(&vspace->regions, addr);
    enum pager_use use = leaf & PTE_WRITE ? PAGER_WRITE : PAGER_READ;
    struct frame *frame = phys_to_frame(leaf & PTE_ADDR);

    if (frame->kind == FRAME_CACHE && region && region->pager)
        check(region->pager->ops->is_page(region->pager, vregion_pager_page(region, addr), use,
                                          frame),
              "%#lx shows no page of its object, or one that the object takes for clean", addr);
}

static void check_page(const struct model *model, struct vspace *vspace,
                       const struct model_page *page, unsigned place)
{
    uaddr_t addr = places[place].start;
    pte_t leaf = tables_look(&vspace->pagetable.mmu, addr, 1);

    if (!leaf) {
        check_absent(page, addr);
        return;
    }
    check(page->mapped, "%#lx is there, but is not mapped", addr);
    check(!model_page_missing(model, page), "%#lx is there, but the object has no such page", addr);
    check_leaf_rights(page, addr, leaf);
    check_object_page(vspace, addr, leaf);
    check_contents(model, page, addr, leaf);
    check(!page->written || leaf & PTE_DIRTY, "%#lx was written, and its entry is clean", addr);
}

/* ---- Regions ---- */

static void check_region(const struct vregion *region, const struct model_page *page,
                         unsigned place)
{
    uaddr_t addr = places[place].start;
    uint64_t index = region->pager_page + ((addr - region->start) >> PAGE_SHIFT);

    check(region->end >= places[place].end, "the region at %#lx ends too early", addr);
    check(region->prot == page->prot, "the region at %#lx has rights %u, and should have %u", addr,
          region->prot, page->prot);
    check(region->flags == page->flags, "the region at %#lx has flags %#x, and should have %#x",
          addr, region->flags, page->flags);
    check(region->kind == page->kind && region->shared == page->shared,
          "the region at %#lx is of another kind", addr);
    check(object_of(region->pager) == page->object, "the region at %#lx shows another object",
          addr);
    check(!region->pager || index == page->index, "the region at %#lx shows page %lu, not %lu",
          addr, index, page->index);
    check(region->data_end == page->data_end, "the region at %#lx has data up to %#lx, not %#lx",
          addr, region->data_end, page->data_end);
}

static bool is_joinable(const struct vregion *low, const struct vregion *high)
{
    return low->end == high->start && low->prot == high->prot && low->kind == high->kind &&
           low->flags == high->flags && low->shared == high->shared && low->pager == high->pager &&
           low->data_end == high->data_end &&
           (!low->pager || low->pager_page + (vregion_len(low) >> PAGE_SHIFT) == high->pager_page);
}

/* Checks `max_gap` of every region in the subtree. Returns the largest gap. */
static uint64_t check_gaps(const struct vregion *region)
{
    if (!region)
        return 0;
    uint64_t left = check_gaps(RB_LEFT(region, node)), right = check_gaps(RB_RIGHT(region, node));
    uint64_t below = max(left, right), largest = max(region->gap, below);
    check(region->max_gap == largest,
          "the region at %#lx has largest gap %#lx, and should have %#lx", region->start,
          region->max_gap, largest);
    return largest;
}

static void check_regions(struct vspace *vspace, const struct model_process *process)
{
    struct vregion *region = vregion_find_from(&vspace->regions, 0);

    for (unsigned place = 0; place < NPLACES; place++) {
        const struct model_page *page = &process->pages[place];
        bool found = region && region->start <= places[place].start;

        check(found || !region || region->start >= places[place].end,
              "a region begins inside a place, at %#lx", region->start);
        check(found == page->mapped, "%#lx is %smapped", places[place].start, found ? "" : "not ");
        if (!found)
            continue;
        check_region(region, page, place);
        if (region->end > places[place].end)
            continue;
        struct vregion *next = vregion_next(region);
        check(!next || !is_joinable(region, next), "the regions at %#lx and %#lx should be one",
              region->start, next->start);
        region = next;
    }
    check_gaps(RB_ROOT(&vspace->regions));
}

/* ---- Processes ---- */

static void check_vspace(struct vspace *vspace, const struct model_process *process)
{
    uint64_t mapped = model_mapped_bytes(process), data = model_data_bytes(process);

    check(vspace->account.brk == process->brk, "the break is %#lx, not %#lx", vspace->account.brk,
          process->brk);
    check(vspace->account.mapped_bytes == mapped, "%#lx bytes are counted as mapped, not %#lx",
          vspace->account.mapped_bytes, mapped);
    check(vspace->account.data_bytes == data, "%#lx bytes are counted as data, not %#lx",
          vspace->account.data_bytes, data);
    uint64_t locked = model_locked_bytes(process);
    check(vspace->account.locked_bytes == locked, "%#lx bytes are counted as locked, not %#lx",
          vspace->account.locked_bytes, locked);
    check(vspace->pagetable.threads == process->threads, "a vspace has %u threads, not %u",
          vspace->pagetable.threads, process->threads);
    check(rwlock_is_free(&vspace->lock), "a vspace is still locked");
}

/* Checks that the kernel's half of the root equals the kernel's own root. */
static void check_kernel_half(const struct vspace *vspace)
{
    const pte_t *root = phys_to_virt(vspace->pagetable.mmu.root);
    const pte_t *kernel = phys_to_virt(kernel_root());

    for (unsigned n = TABLE_ENTRIES / 2; n < TABLE_ENTRIES; n++)
        check(root[n] == kernel[n], "entry %u of a root is not the kernel's", n);
}

static void check_process(const struct model *model, unsigned n)
{
    const struct model_process *process = &model->processes[n];
    struct vspace *vspace = processes[n].vspace;

    check(!vspace == !process->threads, "process %u is %sthere", n, vspace ? "" : "not ");
    if (!vspace)
        return;
    check_vspace(vspace, process);
    check_regions(vspace, process);
    check_kernel_half(vspace);
    for (unsigned i = 0; i < NPAGES; i++)
        check_page(model, vspace, &process->pages[page_places[i]], page_places[i]);
}

/* ---- Cached translations ---- */

static bool is_less(pte_t cached, pte_t found, pte_t bits)
{
    pte_t rights = (cached ^ PTE_NX) & bits & ~((found ^ PTE_NX) & bits);

    return !rights;
}

static void check_cached_page(unsigned cpu, uaddr_t page, pte_t entry)
{
    pte_t found = tables_look(mmu_loaded(cpu), page, 1);

    check(found & PTE_PRESENT && (found & PTE_ADDR) == (entry & PTE_ADDR) &&
              is_less(entry, found, PTE_WRITE | PTE_NX | PTE_DIRTY),
          "CPU %u remembers %#lx for %#lx, and the tables say %#lx", cpu, entry, page, found);
}

static void check_cached_table(unsigned cpu, uaddr_t addr, int level, pte_t entry)
{
    pte_t found = tables_look(mmu_loaded(cpu), addr, level + 1);

    check(found & PTE_PRESENT && (found & PTE_ADDR) == (entry & PTE_ADDR) &&
              is_less(entry, found, PTE_WRITE | PTE_NX),
          "CPU %u remembers the table %#lx of level %d for %#lx, and the tables say %#lx", cpu,
          entry, level, addr, found);
}

static void check_cpus(void)
{
    unsigned before = this_cpu_id;

    for (unsigned cpu = 0; cpu < NCPUS; cpu++) {
        this_cpu_id = cpu;
        check(locks_none_held(), "CPU %u holds a lock", cpu);
        if (!mmu_loaded(cpu))
            continue; /* a lazy CPU may be behind */
        mmu_for_each_page(cpu, check_cached_page);
        mmu_for_each_table(cpu, check_cached_table);
    }
    this_cpu_id = before;
}

/* ---- Objects ---- */

static unsigned count_regions(unsigned object)
{
    unsigned count = 0;

    for (unsigned n = 0; n < NPROCESSES; n++) {
        if (!processes[n].vspace)
            continue;
        struct vregion *region = vregion_find_from(&processes[n].vspace->regions, 0);
        for (; region; region = vregion_next(region))
            count += object_of(region->pager) == object;
    }
    return count;
}

static unsigned count_listed(unsigned object)
{
    const struct vregion *region;
    unsigned count = 0;

    TAILQ_FOREACH (region, &object_pager(object)->regions, sharers)
        count++;
    return count;
}

static void check_objects(void)
{
    for (unsigned object = 0; object < NOBJECTS; object++) {
        check(object_refs(object) == count_regions(object),
              "object %u has %u references, and %u regions show it", object, object_refs(object),
              count_regions(object));
        check(count_listed(object) == count_regions(object),
              "object %u lists %u regions, and %u show it", object, count_listed(object),
              count_regions(object));
    }
    objects_check();
}

void check_model(const struct model *model)
{
    void (*hook)(void) = step_hook;

    step_hook = NULL; /* no CPU takes a step meanwhile */
    for (unsigned n = 0; n < NPROCESSES; n++)
        check_process(model, n);
    check_cpus();
    check_objects();
    step_hook = hook;
}

void check_audit(void)
{
    void (*hook)(void) = step_hook;

    step_hook = NULL;
    check(audit_run() == 0, "the audit differs");
    step_hook = hook;
}

/* ---- Leaks ---- */

static uint64_t baseline[FRAME_KINDS];
static uint64_t baseline_heap;

void check_baseline(void)
{
    for (unsigned kind = 0; kind < FRAME_KINDS; kind++)
        baseline[kind] = frame_usage(kind);
    baseline_heap = heap_usage();
}

void check_nothing_lost(void)
{
    check_freed_frames();
    for (unsigned kind = 0; kind < FRAME_KINDS; kind++)
        check(frame_usage(kind) == baseline[kind], "%lu frames of kind %u are in use, and were %lu",
              frame_usage(kind), kind, baseline[kind]);
    check(heap_usage() == baseline_heap, "%lu bytes of the heap are in use, and were %lu",
          heap_usage(), baseline_heap);
}
