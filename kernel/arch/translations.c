/* The translations that this CPU caches (translations.h, arch/tlb.h). */
#include <arch/atomic.h>
#include <arch/page.h>
#include <arch/paging.h>
#include <arch/tlb.h>
#include <lib/panic.h>
#include "regs.h"
#include "translations.h"

#define MANY_PAGES 64 /* above it, flushing everything is cheaper */

_Static_assert(TLB_EVENTS == ARRAY_SIZE(((struct cpu *)0)->tlb_events), "cpu.h is wrong");

static uint64_t events_of_all(enum tlb_event event)
{
    uint64_t sum = 0;

    for (unsigned n = 0; n < cpu_count(); n++)
        sum += atomic_load_relaxed(&cpu_get(n)->tlb_events[event]);
    return sum;
}

struct tlb_counts tlb_counts(void)
{
    return (struct tlb_counts){.sent = events_of_all(TLB_SENT),
                               .received = events_of_all(TLB_RECEIVED),
                               .all = events_of_all(TLB_DROPPED_ALL),
                               .pages = events_of_all(TLB_DROPPED_PAGE)};
}

paddr_t mmu_loaded_root(void)
{
    return cr3_read() & PTE_ADDR;
}

/* Panics if the kernel's half is missing in the tables at `root`: with them in CR3, the CPU could
   not even report it. */
static void check_kernel_half(paddr_t root)
{
    const pte_t *entries = phys_to_virt(root), *kernel = phys_to_virt(kernel_root());

    for (unsigned n = TABLE_ENTRIES / 2; n < TABLE_ENTRIES; n++)
        if ((entries[n] ^ kernel[n]) & (PTE_ADDR | PTE_PRESENT))
            panic(RULE(9) "the tables at %#lx lack the kernel's half: entry %u of the root is %#lx",
                  root, n, entries[n]);
}

void translations_load(paddr_t root)
{
    if (IS_DEBUG)
        check_kernel_half(root);
    cr3_write(root);
}

void translations_drop_all(void)
{
    translations_count(TLB_DROPPED_ALL);
    cr3_write(cr3_read());
}

/* Loading CR3 keeps global pages; changing CR4.PGE does not (SDM 3A, 4.10.4.1). */
static void drop_global(void)
{
    uint64_t cr4 = cr4_read();

    if (!(cr4 & CR4_PGE))
        return translations_drop_all();
    translations_count(TLB_DROPPED_ALL);
    bool irq = irq_save();
    cr4_write(cr4 & ~CR4_PGE);
    cr4_write(cr4);
    irq_restore(irq);
}

void translations_drop_range(uint64_t start, uint64_t end)
{
    if (end - start > MANY_PAGES * PAGE_SIZE)
        return start >= USER_END ? drop_global() : translations_drop_all();
    for (uint64_t addr = page_floor(start); addr < end; addr += PAGE_SIZE)
        translations_drop_page(addr);
}
