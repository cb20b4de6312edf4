/* The translations that this CPU caches: the instructions that replace and drop them, and their
   counts. The host tests have their own. */
#pragma once

#include <arch/cpu.h>
#include <arch/page.h>

/* What /proc/vmstat counts; the indexes of cpu.tlb_events. */
enum tlb_event {
    TLB_SENT,         /* requests to other CPUs; one to several CPUs counts once */
    TLB_RECEIVED,     /* requests of other CPUs that were answered */
    TLB_DROPPED_ALL,  /* flushes of everything, without the loads of another root */
    TLB_DROPPED_PAGE, /* pages flushed one by one */
    TLB_EVENTS,
};

/* Loads the root table at `root`, and so drops all user translations. */
void translations_load(paddr_t root);

/* Drops all user translations. */
void translations_drop_all(void);

/* Drops the translations of several pages, the user's or the kernel's, and all paging-structure
   caches. */
void translations_drop_range(uint64_t start, uint64_t end);

#if __STDC_HOSTED__

void translations_drop_page(uint64_t page);
#define translations_count(event) ((void)(event))

#else

/* Counts an event on this CPU. One instruction, so an interrupt cannot come in the middle. */
#define translations_count(event) \
    asm volatile("incq %%gs:%c0" : : "i"(offsetof(struct cpu, tlb_events[event])) : "memory")

/* Drops the translation of one page, and all paging-structure caches. */
static inline void translations_drop_page(uint64_t page)
{
    asm volatile("invlpg (%0)" : : "r"(page) : "memory");
    translations_count(TLB_DROPPED_PAGE);
}

#endif

/* Drops the translations of [start, end), which is page aligned, and all paging-structure caches.
   One page is the most frequent case. */
static inline void translations_drop(uint64_t start, uint64_t end)
{
    if (end - start == PAGE_SIZE)
        translations_drop_page(start);
    else
        translations_drop_range(start, end);
}
