/* The address space that each CPU has loaded, and the flush of translations on all CPUs
   (arch/tlb.h). The host tests compile this file too.

   A CPU is in one of three states towards a space:

       running    its CR3 is the root, and it runs a thread of the space: asked for each flush
       lazy       its CR3 is the root, but it is idle or runs a thread of the kernel: no user
                  address is used, so only a flush before tables are dropped asks it
       away       another CR3, so it caches nothing of the space: never asked

   Each flush advances the generation of the space. A CPU has `seen` a generation if it has done all
   flushes up to there. A CPU that flushes does so itself, writes its request, adds its bit to the
   inbox of each CPU that it asks, and waits until each has cleared its bit in `pending`. A CPU that
   is asked does one of these:

       seen is the request's generation, or later      nothing, the flush has been done
       seen is the generation before                   drops the pages of the request
       seen is older                                   drops everything, and has seen all until now

   A lazy CPU that runs a thread of the space again drops everything if it is behind.

   Each CPU has one request of its own, so CPUs that ask at the same time do not take turns. A CPU
   that waits, for answers or for any spinlock, answers requests meanwhile. So two CPUs that ask
   each other do not wait for ever, and neither do a CPU that asks and one that spins with
   interrupts disabled.

   Always true:
     - A CPU is in `running` or `lazy` of the space that it has loaded, and in those of no other;
       during a change it may be in more of them, never in fewer.
     - A request changes only while its `pending` is 0. */
#include <arch/atomic.h>
#include <arch/cpu.h>
#include <arch/event.h>
#include <arch/hang.h>
#include <arch/irq.h>
#include <arch/page.h>
#include <arch/paging.h>
#include <arch/spinlock.h>
#include <arch/tlb.h>
#include <arch/trap.h>
#include <lib/panic.h>
#include "shootdown.h"
#include "translations.h"

enum request_kind {
    FLUSH_SPACE, /* flush [start, end) of `space`, if it is loaded */
    FLUSH_ANY,   /* flush [start, end) of whatever is loaded */
    LEAVE_SPACE, /* load the kernel's own space if `space` is loaded */
};

struct request {
    enum request_kind kind;
    const struct mmu_space *space;
    uint64_t generation; /* of `space`: the flush that this is */
    uint64_t start, end;
};

/* The keys: (c) only the CPU itself, with interrupts off; (r) the CPU while `pending` is 0, and the
   CPUs in `pending` read; (a) atomic. */
static struct cpu_tlb {
    struct mmu_space *loaded; /* (c) NULL: the kernel's own space */
    bool is_lazy;             /* (c) no thread of `loaded` runs here */
    uint64_t seen;            /* (c) the flushes of `loaded` up to this generation are done here */
    struct request request;   /* (r) the last that this CPU has made */
    cpumask_t pending;        /* (a) the CPUs that have not yet carried `request` out */
} __aligned(64) tlbs[MAX_CPUS];

static struct {
    cpumask_t senders; /* (a) the CPUs whose requests this CPU has yet to look at */
} __aligned(64) inboxes[MAX_CPUS];

static cpumask_t cpu_bit(void)
{
    return (cpumask_t)1 << cpu_id();
}

static struct cpu_tlb *my_tlb(void)
{
    return &tlbs[cpu_id()];
}

/* ---- The loaded space ---- */

struct mmu_space *mmu_current(void)
{
    const struct cpu_tlb *tlb = my_tlb();

    return tlb->is_lazy ? NULL : tlb->loaded;
}

/* Drops everything. The generation is read first, so a change that comes later counts as unseen. */
static void catch_up(struct cpu_tlb *tlb)
{
    uint64_t generation = atomic_load(&tlb->loaded->generation);

    translations_drop_all();
    tlb->seen = generation;
}

/* Loads another space, or the kernel's own. Interrupts are disabled, because a request must find
   `loaded` and CR3 in agreement. */
static void space_load(struct cpu_tlb *tlb, struct mmu_space *to)
{
    struct mmu_space *from = tlb->loaded;
    bool was_lazy = tlb->is_lazy;

    /* Set the bit before CR3 is loaded, by a locked instruction. Another CPU changes an entry,
       advances the generation, then reads `running`. It either sees our bit and asks us, or we
       walk the tables only after its change. */
    if (to) {
        atomic_or(&to->running, cpu_bit());
        tlb->seen = atomic_load(&to->generation);
    }
    tlb->loaded = to;
    tlb->is_lazy = false;
    translations_load(to ? to->root : kernel_root());
    /* Clear the bit after CR3 is loaded: until then this CPU may walk the tables of `from`. */
    if (from)
        atomic_and(was_lazy ? &from->lazy : &from->running, ~cpu_bit());
}

/* Runs a thread of the loaded space again. Another CPU advances the generation, then reads
   `running`; we set our bit in `running`, then read the generation. So we are asked, or see that we
   are behind. `lazy` is cleared last, because a CPU that drops tables must find us in one of the
   two until we have caught up. */
static void space_resume(struct cpu_tlb *tlb)
{
    atomic_or(&tlb->loaded->running, cpu_bit());
    if (tlb->seen != atomic_load(&tlb->loaded->generation))
        catch_up(tlb);
    tlb->is_lazy = false;
    atomic_and(&tlb->loaded->lazy, ~cpu_bit());
}

void mmu_switch(struct mmu_space *to)
{
    struct cpu_tlb *tlb = my_tlb();

    debug_assert(!irq_enabled());
    if (to != tlb->loaded)
        space_load(tlb, to);
    else if (tlb->is_lazy)
        space_resume(tlb);
}

void mmu_rest(void)
{
    struct cpu_tlb *tlb = my_tlb();

    debug_assert(!irq_enabled());

    if (tlb->loaded && !tlb->is_lazy) {
        tlb->is_lazy = true;
        atomic_or(&tlb->loaded->lazy, cpu_bit());
        atomic_and(&tlb->loaded->running, ~cpu_bit());
    }
}

/* ---- Requests ---- */

/* Does the flush that is `generation` of `space` on this CPU. An interrupt may come in the middle,
   whose handler does another flush. Each says that a generation is seen only after its flush, so
   `seen` may go back, and a later flush drops more than it must; it is never ahead. */
static inline void flush_here(struct cpu_tlb *tlb, const struct mmu_space *space,
                              uint64_t generation, uint64_t start, uint64_t end)
{
    if (tlb->loaded != space)
        return; /* this CPU has left the space, and so dropped everything of it */
    if (likely(tlb->seen + 1 == generation)) {
        translations_drop(start, end);
        tlb->seen = generation;
    } else if (tlb->seen < generation) {
        catch_up(tlb);
    }
}

/* Carries out the request of another CPU. Interrupts are disabled. */
static void carry_out(struct cpu_tlb *tlb, const struct request *request)
{
    if (request->kind == FLUSH_SPACE)
        flush_here(tlb, request->space, request->generation, request->start, request->end);
    else if (request->kind == FLUSH_ANY)
        translations_drop(request->start, request->end);
    else if (tlb->loaded == request->space)
        space_load(tlb, NULL);
}

/* Answers the requests of all CPUs in `senders`. */
static void answer(cpumask_t senders)
{
    struct cpu_tlb *tlb = my_tlb();

    for (unsigned n = 0; senders >> n; n++) {
        if (!(senders >> n & 1))
            continue;
        EVENT(tlb_answer, n, tlbs[n].request.kind, tlbs[n].request.start, tlbs[n].request.end,
              tlbs[n].request.generation);
        carry_out(tlb, &tlbs[n].request);
        translations_count(TLB_RECEIVED);
        atomic_and(&tlbs[n].pending, ~cpu_bit()); /* from here on the request may change */
    }
}

void shootdown_answer(void)
{
    if (likely(!atomic_load_relaxed(&inboxes[cpu_id()].senders)))
        return;
    bool irq = irq_save();
    answer(atomic_exchange(&inboxes[cpu_id()].senders, 0));
    irq_restore(irq);
}

/* Waits until all CPUs have carried this CPU's request out. If one of them has not answered for
   seconds, reports where all CPUs are, and goes on waiting: to go on without the answer would leave
   a translation of memory that is given away. */
static void await_answers(const struct cpu_tlb *tlb)
{
    struct patience patience = {};

    while (atomic_load_relaxed(&tlb->pending)) {
        shootdown_answer();
        cpu_relax();
        if (unlikely(patience_ends(&patience)))
            hang_report(RULE(6) "waits for other CPUs to flush translations");
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

/* Makes the CPUs in `others`, without this one, carry the request out. Preemption is disabled.
   If an inbox is not empty, the CPU that added the first bit sends the interrupt. */
static void ask(cpumask_t others, const struct request *request)
{
    struct cpu_tlb *tlb = my_tlb();

    assert(irq_enabled() && lock_check_none_from(RANK_TABLE));
    assert(!tlb->pending);
    EVENT(tlb_ask, others, request->kind, request->start, request->end, request->generation);
    tlb->request = *request;
    translations_count(TLB_SENT);
    atomic_store(&tlb->pending, others); /* publishes the request, as the inboxes do */
    for (unsigned n = 0; others >> n; n++)
        if (others >> n & 1 && !atomic_fetch_or(&inboxes[n].senders, cpu_bit()))
            ipi_send(n, VECTOR_TLB);
    await_answers(tlb);
}

cpumask_t shootdown_awaited_by(unsigned cpu)
{
    return atomic_load_relaxed(&tlbs[cpu].pending);
}

/* ---- Flushes ---- */

/* The CPUs that a flush asks: those that run the space, or those that walk its tables ahead of
   time, too. */
enum flush_reach { REACH_RUNNING, REACH_LAZY };

static cpumask_t reached(const struct mmu_space *space, enum flush_reach reach)
{
    cpumask_t running = atomic_load(&space->running); /* first; see space_resume */

    return reach == REACH_LAZY ? running | atomic_load(&space->lazy) : running;
}

/* The rest of a flush that needs other CPUs. Enables preemption. */
static __noinline void flush_others(const struct mmu_space *space, uint64_t generation,
                                    uaddr_t start, uaddr_t end, cpumask_t others)
{
    ask(others, &(struct request){FLUSH_SPACE, space, generation, start, end});
    preempt_enable();
}

/* Flushes on this CPU, and on the others that `reach` means.

   The generation advances after the caller's change of an entry, by a locked instruction. Without
   its fence, the change could still be in this CPU's store buffer while we read `running`. Another
   CPU would load CR3 and walk the old entry, and we would not ask it. */
static inline void flush(struct mmu_space *space, uaddr_t start, uaddr_t end,
                         enum flush_reach reach)
{
    preempt_disable();
    uint64_t generation = EVENT_COUNT(tlb_flush, atomic_add_fetch(&space->generation, 1ul),
                                      space->root >> PAGE_SHIFT, start, end);
    cpumask_t targets = reached(space, reach);
    if (likely(targets & cpu_bit()))
        flush_here(my_tlb(), space, generation, start, end);
    cpumask_t others = targets & ~cpu_bit();
    if (unlikely(others))
        return flush_others(space, generation, start, end, others);
    preempt_enable();
}

void tlb_flush_range(struct mmu_space *space, uaddr_t start, uaddr_t end)
{
    flush(space, start, end, REACH_RUNNING);
}

void tlb_flush_tables(struct mmu_space *space, uaddr_t start, uaddr_t end)
{
    flush(space, start, end, REACH_LAZY);
}

void tlb_flush_page(struct mmu_space *space, uaddr_t addr)
{
    flush(space, page_floor(addr), page_floor(addr) + PAGE_SIZE, REACH_RUNNING);
}

void tlb_flush_local_page(struct mmu_space *space, uaddr_t addr)
{
    preempt_disable();
    if (mmu_current() == space)
        translations_drop(page_floor(addr), page_floor(addr) + PAGE_SIZE);
    preempt_enable();
}

void tlb_flush_everywhere(uint64_t start, uint64_t end)
{
    preempt_disable();
    cpumask_t others = (((cpumask_t)1 << cpu_count()) - 1) & ~cpu_bit();
    translations_drop(start, end);
    if (others)
        ask(others, &(struct request){.kind = FLUSH_ANY, .start = start, .end = end});
    preempt_enable();
}

/* Makes this CPU leave the space, if it has loaded it. */
static void leave_here(const struct mmu_space *space)
{
    bool irq = irq_save();

    if (my_tlb()->loaded == space)
        space_load(my_tlb(), NULL);
    irq_restore(irq);
}

void mmu_evict(struct mmu_space *space)
{
    preempt_disable();
    leave_here(space);
    cpumask_t lazy = atomic_load(&space->lazy);
    if (unlikely(lazy))
        ask(lazy, &(struct request){.kind = LEAVE_SPACE, .space = space});
    preempt_enable();
    assert(!atomic_load(&space->running) && !atomic_load(&space->lazy));
}
