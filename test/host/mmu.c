/* The simulated MMUs (mmu.h).

   A cached translation has the form of a page-table entry. Its address is that of the frame or
   of the table. PTE_WRITE and PTE_NX are the rights of the whole walk. PTE_DIRTY is set if the
   walk found or set the dirty bit.

   Always true: a CPU caches only frames and tables that are in use. If a cached frame is freed,
   the kernel has freed it before the flush. This is a finding, even if no CPU uses the
   translation again. */

#include <linux/errno.h>
#include <arch/irq.h>
#include <arch/paging.h>
#include <arch/trap.h>
#include <arch/usercopy.h>
#include <lib/panic.h>
#include <lib/string.h>
#include "../../kernel/arch/shootdown.h"
#include "../../kernel/arch/translations.h"
#include "mmu.h"
#include "platform.h"
#include "random.h"

#define TLB_ENTRIES   64u
#define UPPER_ENTRIES 8u /* at each level */
#define MAX_FAULTS    64 /* per access; more mean an endless loop */
#define MAX_REPEATS   3  /* without a loss of rights; a CPU may keep an old translation once */

struct cached {
    uaddr_t addr; /* the first address that the entry covers */
    pte_t entry;
};

struct mmu {
    paddr_t root;        /* 0: the kernel's own space, which maps no user memory */
    bool in_access;      /* no interrupt can come now */
    bool is_interrupted; /* VECTOR_TLB has been sent, and not taken */
    unsigned npages;
    struct cached pages[TLB_ENTRIES];
    unsigned ntables[ROOT_LEVEL]; /* indexed by the level of the cached table */
    struct cached tables[ROOT_LEVEL][UPPER_ENTRIES];
    enum fault_outcome first_fault;
};

static struct mmu mmus[MAX_CPUS];
static struct mmu_noise noise;
static struct random chance = {.state = 1};
bool (*mmu_cpu_is_busy)(unsigned cpu);
uaddr_t (*mmu_walk_ahead_page)(uint32_t random);

static struct mmu *this_mmu(void)
{
    return &mmus[cpu_id()];
}

/* ---- Caches ---- */

static uaddr_t span_start(uaddr_t addr, int level)
{
    return round_down(addr, level_span(level));
}

static void remember(struct cached *entries, unsigned *count, unsigned size, uaddr_t addr,
                     pte_t entry)
{
    unsigned n = 0;

    while (n < *count && entries[n].addr != addr)
        n++;
    if (n == size)
        n = random_below(&chance, size);
    else if (n == *count)
        ++*count;
    entries[n] = (struct cached){.addr = addr, .entry = entry};
}

static void forget(struct cached *entries, unsigned *count, uaddr_t start, uaddr_t end)
{
    for (unsigned n = *count; n-- > 0;)
        if (entries[n].addr >= start && entries[n].addr < end)
            entries[n] = entries[--*count];
}

/* Returns the cached entry for `addr`, or 0. At random, the entry is dropped first. */
static pte_t recall(struct cached *entries, unsigned *count, uaddr_t addr)
{
    for (unsigned n = 0; n < *count; n++) {
        if (entries[n].addr != addr)
            continue;
        if (!random_one_in(&chance, noise.forget_one_in))
            return entries[n].entry;
        entries[n] = entries[--*count];
        break;
    }
    return 0;
}

static void forget_page(struct mmu *mmu, uaddr_t page)
{
    forget(mmu->pages, &mmu->npages, page, page + PAGE_SIZE);
}

static void forget_tables(struct mmu *mmu)
{
    memset(mmu->ntables, 0, sizeof(mmu->ntables));
}

/* Drops what a page fault drops: the translations of the page, and of every upper level of its
   walk (SDM 3A, 4.10.4.1). */
static void forget_path(struct mmu *mmu, uaddr_t addr)
{
    forget_page(mmu, page_floor(addr));
    for (int level = 1; level < ROOT_LEVEL; level++)
        forget(mmu->tables[level], &mmu->ntables[level], span_start(addr, level + 1),
               span_start(addr, level + 1) + 1);
}

static void forget_all(struct mmu *mmu)
{
    mmu->npages = 0;
    forget_tables(mmu);
}

/* ---- The loaded space ---- */

struct mmu_space *mmu_loaded(unsigned cpu)
{
    unsigned before = this_cpu_id;

    this_cpu_id = cpu;
    struct mmu_space *space = mmu_current();
    this_cpu_id = before;
    return space;
}

/* Returns true if the CPU uses no user address, although a user's root is loaded. Its cached pages
   may be out of date; its cached tables may not, because it may walk through them. */
static bool is_lazy(const struct mmu *mmu)
{
    return mmu->root && !mmu_loaded(mmu - mmus);
}

/* ---- Freed frames ---- */

static void check_entries_forgotten(const struct frame *frame, const struct cached *entries,
                                    unsigned count, unsigned cpu, const char *what)
{
    for (unsigned n = 0; n < count; n++)
        check((entries[n].entry & PTE_ADDR) != frame_to_phys(frame),
              RULE(6) "frame %#x is freed, and CPU %u remembers it as the %s of %#lx",
              frame_to_pfn(frame), cpu, what, entries[n].addr);
}

/* Checks that no CPU caches a freed frame, whether the CPU will use the translation or not. A lazy
   CPU catches up before it uses a page. */
static void check_forgotten(const struct frame *frame)
{
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
        const struct mmu *mmu = &mmus[cpu];

        check(mmu->root != frame_to_phys(frame),
              RULE(6) "frame %#x is freed, and is the root table of CPU %u", frame_to_pfn(frame),
              cpu);
        if (!is_lazy(mmu))
            check_entries_forgotten(frame, mmu->pages, mmu->npages, cpu, "page");
        for (int level = 1; level < ROOT_LEVEL; level++)
            check_entries_forgotten(frame, mmu->tables[level], mmu->ntables[level], cpu, "table");
    }
}

void mmu_set_quiet(void)
{
    static const struct mmu_noise none;

    mmu_set_noise(&none, 0);
}

void mmu_reset(void)
{
    for (this_cpu_id = 0; this_cpu_id < MAX_CPUS; this_cpu_id++)
        mmu_load(NULL);
    this_cpu_id = 0;
    memset(mmus, 0, sizeof(mmus));
    freed_hook = check_forgotten;
}

/* ---- Walks ---- */

/* Returns the entry at which a walk begins, and sets `level` to the level of its table. The
   table is the lowest one in the paging-structure caches, or else the root. */
static pte_t walk_start(struct mmu *mmu, uaddr_t addr, int *level)
{
    for (*level = 1; *level < ROOT_LEVEL; ++*level) {
        pte_t entry =
            recall(mmu->tables[*level], &mmu->ntables[*level], span_start(addr, *level + 1));

        if (entry)
            return entry;
    }
    return mmu->root | PTE_WRITE;
}

static const struct frame *frame_in_use(pte_t entry, const char *what)
{
    check((entry & PTE_ADDR) < MEMORY_SIZE,
          RULE(1) "CPU %u walks to %s at %#lx, where no memory is", cpu_id(), what,
          entry & PTE_ADDR);
    const struct frame *frame = phys_to_frame(entry & PTE_ADDR);
    check(!frame_is_free(frame) && frame->refcount > 0,
          RULE(6) "CPU %u uses %s in frame %#x after it was freed", cpu_id(), what,
          frame_to_pfn(frame));
    return frame;
}

static pte_t *entry_at(pte_t table, int level, uaddr_t addr)
{
    const struct frame *frame = frame_in_use(table, "a table");

    check(frame->kind == FRAME_TABLE, RULE(1) "CPU %u walks through frame %#x, which is no table",
          cpu_id(), frame_to_pfn(frame));
    return (pte_t *)frame_to_virt(frame) + level_index(level, addr);
}

/* Returns `entry` with the rights of the walk so far: W if both have W, and NX if either has NX. */
static pte_t combine(pte_t above, pte_t entry)
{
    pte_t rights = (above & entry & PTE_WRITE) | ((above | entry) & PTE_NX);

    return (entry & ~(PTE_WRITE | PTE_NX)) | rights;
}

static bool is_allowed(pte_t entry, unsigned access)
{
    if (access & FAULT_WRITE)
        return entry & PTE_WRITE;
    return !(access & FAULT_EXEC) || !(entry & PTE_NX);
}

/* Checks rule 2 of docs/design.md in the caches of a CPU that runs another address space.
   `entry` is cached with W set; no other address space may cache its target, except for shared
   memory. */
static void check_alone(const struct mmu *mmu, const struct mmu *other,
                        const struct cached *entries, unsigned count, pte_t entry)
{
    for (unsigned n = 0; n < count; n++)
        check((entries[n].entry ^ entry) & PTE_ADDR || entry & PTE_SHARED,
              RULE(2) "CPU %ld may write frame %#lx, which CPU %ld remembers for another space",
              mmu - mmus, (entry & PTE_ADDR) >> PAGE_SHIFT, other - mmus);
}

/* Checks that no CPU of the same address space caches another frame for a page that `mmu` may
   write. */
static void check_one_view(const struct mmu *mmu, const struct mmu *other, uaddr_t page,
                           pte_t entry)
{
    for (unsigned n = 0; n < other->npages; n++)
        check(other->pages[n].addr != page || !((other->pages[n].entry ^ entry) & PTE_ADDR),
              RULE(6) "CPU %ld may write %#lx while CPU %ld still sees another frame there",
              mmu - mmus, page, other - mmus);
}

/* Checks an entry that was just cached against the caches of all CPUs. `level` is the level of
   the table; 0 stands for a page. */
static void check_writable(const struct mmu *mmu, uaddr_t addr, int level, pte_t entry)
{
    if (!(entry & PTE_WRITE) || (level == 0 && is_lazy(mmu)))
        return;
    for (const struct mmu *other = mmus; other < mmus + MAX_CPUS; other++) {
        if (level == 0 && is_lazy(other))
            continue;
        if (other->root != mmu->root && level == 0)
            check_alone(mmu, other, other->pages, other->npages, entry);
        else if (other->root != mmu->root)
            check_alone(mmu, other, other->tables[level], other->ntables[level], entry);
        else if (level == 0)
            check_one_view(mmu, other, addr, entry);
    }
}

/* Walks to the page of `addr`, and caches the entries on the way. Returns the translation, or 0
   for a page fault. */
static pte_t walk(struct mmu *mmu, uaddr_t addr, unsigned access)
{
    int level;
    pte_t table = walk_start(mmu, addr, &level);

    for (;; level--) {
        step();
        pte_t *slot = entry_at(table, level, addr);
        pte_t entry = combine(table, *slot);

        if ((entry & (PTE_PRESENT | PTE_USER)) != (PTE_PRESENT | PTE_USER))
            return 0;
        if (level > 1) {
            *slot |= PTE_ACCESSED;
            remember(mmu->tables[level - 1], &mmu->ntables[level - 1], UPPER_ENTRIES,
                     span_start(addr, level), entry);
            check_writable(mmu, addr, level - 1, entry);
            table = entry;
            continue;
        }
        if (!is_allowed(entry, access))
            return 0;
        *slot |= PTE_ACCESSED | (access & FAULT_WRITE ? PTE_DIRTY : 0);
        entry |= *slot & PTE_DIRTY;
        remember(mmu->pages, &mmu->npages, TLB_ENTRIES, page_floor(addr), entry);
        check_writable(mmu, page_floor(addr), 0, entry);
        return entry;
    }
}

/* Returns the translation that an access uses, or 0 for a page fault. On the first write to a
   clean page, the CPU walks again to set the dirty bit. */
static pte_t translate(struct mmu *mmu, uaddr_t addr, unsigned access)
{
    if (!mmu->root || addr >= USER_END)
        return 0;
    pte_t entry = recall(mmu->pages, &mmu->npages, page_floor(addr));
    if (!entry)
        return walk(mmu, addr, access);
    if (!is_allowed(entry, access))
        return 0;
    return access & FAULT_WRITE && !(entry & PTE_DIRTY) ? walk(mmu, addr, access) : entry;
}

void mmu_walk_ahead(unsigned cpu, uaddr_t addr)
{
    void (*hook)(void) = step_hook;
    struct mmu *mmu = &mmus[cpu];

    if (mmu->in_access || !mmu->root || recall(mmu->pages, &mmu->npages, page_floor(addr)))
        return;
    step_hook = NULL; /* the walk is a single step */
    (void)walk(mmu, addr, 0);
    step_hook = hook;
}

static void maybe_walk_ahead(void)
{
    if (random_one_in(&chance, noise.walk_ahead_one_in))
        mmu_walk_ahead(random_below(&chance, MAX_CPUS),
                       mmu_walk_ahead_page(random_next(&chance) >> 32));
}

void mmu_set_noise(const struct mmu_noise *new_noise, uint64_t seed)
{
    noise = *new_noise;
    chance = random_from(seed);
    step_hook = noise.walk_ahead_one_in ? maybe_walk_ahead : NULL;
}

/* ---- Accesses ---- */

static bool access_once(struct mmu *mmu, uaddr_t addr, unsigned access, void *bytes, size_t len)
{
    mmu->in_access = true;
    pte_t entry = translate(mmu, addr, access);
    if (entry) {
        char *at = (char *)frame_to_virt(frame_in_use(entry, "a page")) + addr % PAGE_SIZE;

        step();
        frame_in_use(entry, "a page");
        if (access & FAULT_WRITE)
            memcpy(at, bytes, len);
        else
            memcpy(bytes, at, len);
    }
    mmu->in_access = false;
    return entry;
}

/* Makes an access of `len` bytes within one page, and handles all its faults. Returns 0, or the
   outcome of the fault that failed. */
static int access_bytes(uaddr_t addr, unsigned access, void *bytes, size_t len)
{
    struct mmu *mmu = this_mmu();
    struct fault_repeats repeats = {0};

    mmu->first_fault = FAULT_OUTCOMES;
    for (int faults = 0; !access_once(mmu, addr, access, bytes, len); faults++) {
        check(faults < MAX_FAULTS, "the access %#x of %#lx faults for ever", access, addr);
        if (!random_one_in(&chance, noise.keep_at_fault_one_in))
            forget_path(mmu, addr);
        (void)!fault_repeat_is_endless(&repeats, vspace_loaded(cpu_id()), access);
        check(repeats.count <= MAX_REPEATS,
              "the access %#x of %#lx faults again, and no right was lost", access, addr);
        enum fault_outcome outcome = vspace_fault(vspace_loaded(cpu_id()), addr, access);
        if (mmu->first_fault == FAULT_OUTCOMES)
            mmu->first_fault = outcome;
        if (!fault_resolved(outcome))
            return outcome;
    }
    return 0;
}

int cpu_load(uaddr_t addr, uint64_t *value)
{
    return access_bytes(addr, FAULT_USER, value, sizeof(*value));
}

int cpu_store(uaddr_t addr, uint64_t value)
{
    return access_bytes(addr, FAULT_USER | FAULT_WRITE, &value, sizeof(value));
}

int cpu_fetch(uaddr_t addr, uint64_t *value)
{
    return access_bytes(addr, FAULT_USER | FAULT_EXEC, value, sizeof(*value));
}

enum fault_outcome cpu_first_fault(void)
{
    return this_mmu()->first_fault;
}

/* ---- The kernel's accesses (arch/usercopy.h) ---- */

/* Copies byte by byte, as `rep movsb` does. Returns the number of bytes that were not copied. */
static size_t copy_bytes(uaddr_t user, void *kernel, size_t len, unsigned access)
{
    char *byte = kernel;

    check(user <= USER_END && len <= USER_END - user,
          "the kernel copies %#lx bytes at %#lx, which are not all the user's", len, user);
    while (len > 0 && !access_bytes(user, access, byte, 1)) {
        user++;
        byte++;
        len--;
    }
    return len;
}

size_t arch_copy_from_user(void *to, const void __user *from, size_t len)
{
    return copy_bytes((uaddr_t)from, to, len, 0);
}

size_t arch_copy_to_user(void __user *to, const void *from, size_t len)
{
    return copy_bytes((uaddr_t)to, (void *)from, len, FAULT_WRITE);
}

size_t arch_clear_user(void __user *to, size_t len)
{
    char zero = 0;

    for (uaddr_t addr = (uaddr_t)to; len > 0; addr++, len--)
        if (copy_bytes(addr, &zero, 1, FAULT_WRITE))
            break;
    return len;
}

/* Nothing in the memory core calls it. */
int arch_cmpxchg_user(uint32_t __user *word __unused, uint32_t *expected __unused,
                      uint32_t wanted __unused)
{
    return -EFAULT;
}

ssize_t arch_copy_string_from_user(char *to, const char __user *from, size_t max)
{
    for (size_t len = 0; len < max; len++) {
        if (copy_bytes((uaddr_t)from + len, &to[len], 1, 0))
            return -EFAULT;
        if (!to[len])
            return len;
    }
    return max;
}

/* ---- The instructions and interrupts below kernel/arch/tlb.c ---- */

struct vspace *vspace_loaded(unsigned cpu)
{
    struct mmu_space *space = mmu_loaded(cpu);

    return space ? container_of(space, struct vspace, pagetable.mmu) : NULL;
}

void mmu_load(struct mmu_space *space)
{
    bool irq = irq_save();

    mmu_switch(space);
    irq_restore(irq);
}

void mmu_become_lazy(void)
{
    bool irq = irq_save();

    mmu_rest();
    irq_restore(irq);
}

void translations_load(paddr_t root)
{
    step();
    this_mmu()->root = root == kernel_root() ? 0 : root;
    forget_all(this_mmu());
}

void translations_drop_all(void)
{
    step();
    forget_all(this_mmu());
}

void translations_drop_page(uint64_t page)
{
    translations_drop_range(page, page + PAGE_SIZE);
}

void translations_drop_range(uint64_t start, uint64_t end)
{
    step();
    forget(this_mmu()->pages, &this_mmu()->npages, start, end);
    forget_tables(this_mmu());
}

void ipi_send(unsigned cpu, unsigned vector)
{
    check(vector == VECTOR_TLB && cpu < HOST_CPUS && cpu != cpu_id(), "a wrong interrupt");
    mmus[cpu].is_interrupted = true;
}

bool mmu_take_interrupt(void)
{
    struct mmu *mmu = this_mmu();

    if (!mmu->is_interrupted || mmu->in_access || !irq_enabled())
        return false;
    mmu->is_interrupted = false;
    bool irq = irq_save();
    shootdown_answer();
    irq_restore(irq);
    return true;
}

/* Takes the interrupt of another CPU, which does nothing else, in a single step. */
static void take_interrupt_of(unsigned cpu)
{
    void (*hook)(void) = step_hook;
    unsigned before = this_cpu_id;

    step_hook = NULL;
    this_cpu_id = cpu;
    (void)mmu_take_interrupt();
    this_cpu_id = before;
    step_hook = hook;
}

/* A CPU that waits for an answer waits here, and so does one that starts a fault over. */
void cpu_relax(void)
{
    bool is_answered = false;

    for (unsigned cpu = 0; cpu < HOST_CPUS; cpu++) {
        if (!mmus[cpu].is_interrupted || (mmu_cpu_is_busy && mmu_cpu_is_busy(cpu)))
            continue;
        take_interrupt_of(cpu);
        is_answered = true;
    }
    if (!is_answered && relax_hook)
        relax_hook();
}

/* ---- Looking without side effects ---- */

void mmu_for_each_page(unsigned cpu, void (*each)(unsigned cpu, uaddr_t page, pte_t entry))
{
    const struct mmu *mmu = &mmus[cpu];

    for (unsigned n = 0; n < mmu->npages; n++)
        each(cpu, mmu->pages[n].addr, mmu->pages[n].entry);
}

void mmu_for_each_table(unsigned cpu,
                        void (*each)(unsigned cpu, uaddr_t addr, int level, pte_t entry))
{
    const struct mmu *mmu = &mmus[cpu];

    for (int level = 1; level < ROOT_LEVEL; level++)
        for (unsigned n = 0; n < mmu->ntables[level]; n++)
            each(cpu, mmu->tables[level][n].addr, level, mmu->tables[level][n].entry);
}

pte_t tables_look(const struct mmu_space *space, uaddr_t addr, int lowest)
{
    pte_t table = space->root | PTE_PRESENT | PTE_WRITE | PTE_USER;

    for (int level = ROOT_LEVEL;; level--) {
        const pte_t *entries = phys_to_virt(table & PTE_ADDR);
        pte_t entry = entries[level_index(level, addr)];

        if (level == lowest || !(entry & PTE_PRESENT))
            return entry & PTE_PRESENT ? combine(table, entry) : entry;
        table = combine(table, entry);
    }
}
