/* Kernel stacks.

       slot n:   | guard, never mapped | 4 pages |   top = KSTACK_BASE + (n + 1) * KSTACK_SLOT

   The page tables for all slots were made at boot, so a kernel stack costs its frames and nothing
   else. The numbers of free slots form a stack. Lock: slots_lock (RANK_HEAP) guards the numbers; a
   slot in use belongs to its user alone. */

#include <arch/init.h>
#include <arch/tlb.h>
#include <lib/panic.h>
#include <mm/frame.h>
#include <mm/heap.h>
#include <sched/kstack.h>

#define KSTACK_PAGES (KSTACK_SIZE / PAGE_SIZE)

static struct spinlock slots_lock = SPINLOCK(RANK_HEAP);
static uint16_t *free_slots;     /* (slots_lock) */
static unsigned free_slot_count; /* (slots_lock) */

void kstack_init(void)
{
    free_slots = heap_alloc(kstack_slots() * sizeof(*free_slots));
    if (!free_slots)
        panic("no memory for the list of kernel stacks");
    for (unsigned n = kstack_slots(); n > 0; n--)
        free_slots[free_slot_count++] = n - 1;
}

static uint64_t slot_take(void)
{
    uint64_t top = 0;

    spin_lock(&slots_lock);
    if (free_slot_count > 0)
        top = KSTACK_BASE + (free_slots[--free_slot_count] + 1ul) * KSTACK_SLOT;
    spin_unlock(&slots_lock);
    return top;
}

static void slot_return(uint64_t top)
{
    spin_lock(&slots_lock);
    free_slots[free_slot_count++] = (top - KSTACK_BASE) / KSTACK_SLOT - 1;
    spin_unlock(&slots_lock);
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
    tlb_flush_everywhere(top - KSTACK_SIZE, top);
    for (unsigned n = 0; n < KSTACK_PAGES; n++)
        frame_put(phys_to_frame(pages[n]));
    slot_return(top);
}
