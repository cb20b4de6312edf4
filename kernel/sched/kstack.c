/* Kernel stacks.

       slot n:   | guard, never mapped | 4 pages |   top = KSTACK_BASE + (n + 1) * KSTACK_SLOT

   The page tables for all slots were made at boot, so a kernel stack costs its frames and nothing
   else.

   A CPU may still hold the translations of a stack that was freed. Nothing uses its addresses, so
   its slot only becomes stale. Stale slots become free by the batch, after one flush on all CPUs.
   Without the batches, each end of a thread would interrupt every CPU.

   Always true: no TLB holds a translation for a slot in `free`.

   Lock: slots.lock (RANK_HEAP); a slot in use belongs to its user alone. */

#include <arch/init.h>
#include <arch/tlb.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/frame.h>
#include <mm/heap.h>
#include <sched/kstack.h>
#include <sched/run.h>

#define KSTACK_PAGES (KSTACK_SIZE / PAGE_SIZE)

#define BATCH 64u

static struct {
    struct spinlock lock;  /* RANK_HEAP */
    uint16_t *free;        /* (lock) numbers; a stack */
    unsigned free_count;   /* (lock) */
    uint16_t stale[BATCH]; /* (lock) numbers */
    unsigned stale_count;  /* (lock) */
    unsigned flushing;     /* (lock) slots that were stale and are about to be free */
} slots = {.lock = SPINLOCK(RANK_HEAP)};

void kstack_init(void)
{
    slots.free = heap_alloc(kstack_slots() * sizeof(*slots.free));
    if (!slots.free)
        panic("no memory for the list of kernel stacks");
    for (unsigned n = kstack_slots(); n > 0; n--)
        slots.free[slots.free_count++] = n - 1;
}

/* Makes all stale slots free. The lock is held, and released during the flush. */
static void flush_stale(void)
{
    uint16_t batch[BATCH];
    unsigned count = slots.stale_count;

    memcpy(batch, slots.stale, count * sizeof(*batch));
    slots.stale_count = 0;
    slots.flushing += count;
    spin_unlock(&slots.lock);
    tlb_flush_everywhere(KSTACK_BASE, KSTACK_BASE + kstack_slots() * KSTACK_SLOT);
    spin_lock(&slots.lock);
    memcpy(slots.free + slots.free_count, batch, count * sizeof(*batch));
    slots.free_count += count;
    slots.flushing -= count;
}

/* Returns the top of a free slot, which is taken; 0: there is none. */
static uint64_t slot_take(void)
{
    uint64_t top = 0;

    spin_lock(&slots.lock);
    while (slots.free_count == 0 && slots.stale_count + slots.flushing > 0) {
        if (slots.stale_count > 0) {
            flush_stale();
            continue;
        }
        spin_unlock(&slots.lock);
        thread_yield(); /* another thread flushes */
        spin_lock(&slots.lock);
    }
    if (slots.free_count > 0)
        top = KSTACK_BASE + (slots.free[--slots.free_count] + 1ul) * KSTACK_SLOT;
    spin_unlock(&slots.lock);
    return top;
}

static void slot_return(uint64_t top)
{
    spin_lock(&slots.lock);
    slots.stale[slots.stale_count++] = (top - KSTACK_BASE) / KSTACK_SLOT - 1;
    if (slots.stale_count == BATCH)
        flush_stale();
    spin_unlock(&slots.lock);
}

uint64_t kstack_alloc(void)
{
    struct frame *pages[KSTACK_PAGES];
    uint64_t top = slot_take();

    if (!top)
        return 0;
    for (unsigned n = 0; n < KSTACK_PAGES; n++) {
        pages[n] = frame_alloc(FRAME_KSTACK);
        if (!pages[n]) {
            while (n > 0)
                frame_put(pages[--n]);
            slot_return(top);
            return 0;
        }
    }
    for (unsigned n = 0; n < KSTACK_PAGES; n++)
        kstack_map(top - (n + 1) * PAGE_SIZE, frame_to_phys(pages[n]));
    return top;
}

void kstack_free(uint64_t top)
{
    paddr_t pages[KSTACK_PAGES];

    for (unsigned n = 0; n < KSTACK_PAGES; n++)
        pages[n] = kstack_map(top - (n + 1) * PAGE_SIZE, 0);
    for (unsigned n = 0; n < KSTACK_PAGES; n++)
        frame_put(phys_to_frame(pages[n]));
    slot_return(top);
}
