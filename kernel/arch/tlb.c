/* What this CPU's MMU has loaded, and how all CPUs are made to forget (arch/tlb.h).

   A flush first forgets here, then asks every other CPU in `running` to: it writes one request,
   sends VECTOR_TLB, and waits until each has cleared its bit in `request.pending`. One request is
   under way at a time, under a lock.

   Always true: the range of the request changes only while `pending` is 0 and the lock is held.
   Whoever waits, for the lock, for the answers or for any spinlock, answers meanwhile: so two CPUs
   that flush at once, or one that spins with interrupts off, never wait for each other for ever. */
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

#define MANY_PAGES 64 /* above it, forgetting everything is cheaper than page by page */

static struct mmu_space *loaded[MAX_CPUS]; /* each by its own CPU */

static struct {
    uint8_t locked;
    uint64_t start, end;
    cpumask_t pending; /* atomic: who has not yet forgotten [start, end) */
} request;

static cpumask_t cpu_bit(void)
{
    return 1ul << cpu_id();
}

struct mmu_space *mmu_current(void)
{
    return loaded[cpu_id()];
}

void mmu_switch(struct mmu_space *to)
{
    struct mmu_space *from = mmu_current();
    if (from == to)
        return;
    /* The bit before CR3, in a locked instruction: who changes an entry and then reads `running`
       either sees us and asks us to forget, or we walk only after the change. */
    if (to)
        atomic_or(&to->running, cpu_bit());
    loaded[cpu_id()] = to;
    cr3_write(to ? to->root : kernel_root());
    /* The bit after CR3: until then we could still use old translations of `from`. */
    if (from)
        atomic_and(&from->running, ~cpu_bit());
}

static void forget_page(uint64_t addr)
{
    asm volatile("invlpg (%0)" : : "r"(addr) : "memory");
}

/* CR3 spares global pages; changing CR4.PGE does not (SDM 3A, 4.10.4.1). */
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
    /* Interrupts off: if VECTOR_TLB came between our forgetting and clearing the bit, its handler
       would clear it, and the bit that we then clear could be the next request's, unanswered. */
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

/* Makes `others` forget [start, end). Preemption is off; the caller's own bit is not in `others`. */
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
        cpu_relax(); /* nobody else can ask us: we hold the lock */
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
    /* The caller's change of an entry may still stand in our store buffer: it must be seen before
       we look who is running, or a CPU that loads CR3 just now could be missed and still walk the
       old entry (see mmu_switch). */
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
