/* The address space that each CPU has loaded, and the flush of translations on all CPUs
   (arch/tlb.h).

   A CPU that flushes first does so itself, then asks every other CPU in `running`. It writes one
   request, sends VECTOR_TLB, and waits until each CPU has cleared its bit in `request.pending`. A
   lock makes sure that there is one request at a time.

   Always true: the range of the request changes only while `pending` is 0 and the lock is held. A
   CPU that waits, for the lock, for answers or for any spinlock, answers requests meanwhile. So two
   CPUs that flush at once do not wait for each other for ever, and neither do a CPU that flushes
   and one that spins with interrupts disabled. */
#include <arch/atomic.h>
#include <arch/irq.h>
#include <arch/page.h>
#include <arch/paging.h>
#include <arch/spinlock.h>
#include <arch/tlb.h>
#include <arch/trap.h>
#include <lib/panic.h>
#include "regs.h"
#include "shootdown.h"

#define MANY_PAGES 64 /* above it, flushing everything is cheaper */

static struct mmu_space *loaded[MAX_CPUS]; /* each written by its own CPU */

static struct {
    uint8_t locked;
    uint64_t start, end;
    cpumask_t pending; /* atomic: the CPUs that have not yet flushed [start, end) */
} request;

static cpumask_t cpu_bit(void)
{
    return 1ul << cpu_id();
}

struct mmu_space *mmu_current(void)
{
    return loaded[cpu_id()];
}

paddr_t mmu_loaded_root(void)
{
    return cr3_read() & PTE_ADDR;
}

/* Panics if the kernel's half is missing in the tables of a space: with them in CR3, the CPU could
   not even report it. */
static void check_kernel_half(const struct mmu_space *space)
{
    const pte_t *entries = phys_to_virt(space->root), *kernel = phys_to_virt(kernel_root());

    for (unsigned n = TABLE_ENTRIES / 2; n < TABLE_ENTRIES; n++)
        if ((entries[n] ^ kernel[n]) & (PTE_ADDR | PTE_PRESENT))
            panic("the tables at %#lx lack the kernel's half: entry %u of the root is %#lx",
                  space->root, n, entries[n]);
}

void mmu_switch(struct mmu_space *to)
{
    struct mmu_space *from = mmu_current();
    if (from == to)
        return;
    /* Set the bit before CR3 is loaded, by a locked instruction. Another CPU changes an entry, then
       reads `running`. It either sees our bit and asks us to flush, or we walk the tables only
       after its change. */
    if (IS_DEBUG && to)
        check_kernel_half(to);
    if (to)
        atomic_or(&to->running, cpu_bit());
    loaded[cpu_id()] = to;
    cr3_write(to ? to->root : kernel_root());
    /* Clear the bit after CR3 is loaded: until then this CPU may use old translations of `from`. */
    if (from)
        atomic_and(&from->running, ~cpu_bit());
}

static void forget_page(uint64_t addr)
{
    asm volatile("invlpg (%0)" : : "r"(addr) : "memory");
}

/* Flushes everything. Loading CR3 keeps global pages; changing CR4.PGE does not (SDM 3A,
   4.10.4.1). */
static void forget_all(bool kernel)
{
    uint64_t cr4 = cr4_read();
    if (kernel && (cr4 & CR4_PGE)) {
        bool irq = irq_save();
        cr4_write(cr4 & ~CR4_PGE);
        cr4_write(cr4);
        irq_restore(irq);
    } else {
        cr3_write(cr3_read());
    }
}

static void forget(uint64_t start, uint64_t end)
{
    if (end - start > MANY_PAGES * PAGE_SIZE)
        return forget_all(start >= USER_END);
    for (uint64_t addr = page_floor(start); addr < end; addr += PAGE_SIZE)
        forget_page(addr);
}

void shootdown_answer(void)
{
    if (likely(!atomic_load_relaxed(&request.pending)))
        return;
    /* Interrupts are disabled for the following race. We flush; VECTOR_TLB arrives, and its handler
       clears our bit; the next request sets it; then we clear the bit of a request that we have not
       answered. */
    bool irq = irq_save();
    if (atomic_load(&request.pending) & cpu_bit()) {
        forget(request.start, request.end);
        atomic_and(&request.pending, ~cpu_bit());
    }
    irq_restore(irq);
}

static void request_lock(void)
{
    while (atomic_exchange(&request.locked, 1)) {
        shootdown_answer();
        cpu_relax();
    }
}

/* Makes the CPUs in `others`, without this one, flush [start, end). Preemption is disabled. */
static void ask(cpumask_t others, uint64_t start, uint64_t end)
{
    assert(irq_enabled() && lock_check_none_from(RANK_TABLE));
    request_lock();
    request.start = start;
    request.end = end;
    atomic_store(&request.pending, others); /* publishes start and end */
    for (unsigned n = 0; n < cpu_count(); n++)
        if (others >> n & 1)
            ipi_send(n, VECTOR_TLB);
    while (atomic_load(&request.pending))
        cpu_relax(); /* no other CPU sends requests: we hold the lock */
    atomic_store(&request.locked, 0);
}

static void flush(cpumask_t running, uint64_t start, uint64_t end)
{
    if (running & cpu_bit())
        forget(start, end);
    cpumask_t others = running & ~cpu_bit();
    if (unlikely(others))
        ask(others, start, end);
}

static void flush_running(const cpumask_t *running, uint64_t start, uint64_t end)
{
    preempt_disable();
    /* The caller's change of an entry may still be in this CPU's store buffer. Without the fence,
       we read `running`, another CPU loads CR3 and walks the old entry, and only then does our
       change become visible; the other CPU would be missed (see mmu_switch). */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    flush(atomic_load(running), start, end);
    preempt_enable();
}

void tlb_flush_range(struct mmu_space *space, uaddr_t start, uaddr_t end)
{
    flush_running(&space->running, start, end);
}

void tlb_flush_page(struct mmu_space *space, uaddr_t addr)
{
    tlb_flush_range(space, page_floor(addr), page_floor(addr) + PAGE_SIZE);
}

void tlb_flush_local_page(struct mmu_space *space, uaddr_t addr)
{
    preempt_disable();
    if (mmu_current() == space)
        forget_page(addr);
    preempt_enable();
}

void tlb_flush_everywhere(uint64_t start, uint64_t end)
{
    cpumask_t all = (1ul << cpu_count()) - 1;

    flush_running(&all, start, end);
}
