/* TLB flushes: the translations that a CPU caches, and the functions that drop them.

   A CPU may keep every translation, and every entry of upper levels, that it has walked since
   the last flush. INVLPG drops the page's translation and all paging-structure caches of this
   CPU (SDM 3A, 4.10.4.1). Loading CR3 drops everything that is not global. Without PCIDs, a CPU
   caches user translations of the space that it has loaded, and of no other.

   A CPU that becomes idle keeps its space loaded, and is lazy: flushes of pages pass it by, and it
   catches up when it runs a thread of the space again. */
#pragma once

#include <arch/cpu.h>

struct mmu_space {
    paddr_t root;        /* the address of the level-4 table */
    uint64_t generation; /* atomic: how many flushes were requested */
    cpumask_t running;   /* atomic: the CPUs whose CR3 is `root`, and that run a thread of it */
    cpumask_t lazy;      /* atomic: the CPUs whose CR3 is `root`, and that use no user address */
};

/* Loads `to` on this CPU; NULL is the kernel's own space, which maps no user memory. Interrupts are
   disabled. */
void mmu_switch(struct mmu_space *to);

/* Makes this CPU lazy: it runs a thread without a space, and keeps its space loaded. Interrupts are
   disabled. */
void mmu_rest(void);

/* Returns the space whose thread this CPU runs; NULL if the CPU is lazy, or has loaded the kernel's
   own space. */
struct mmu_space *mmu_current(void);

/* Returns the address of the level-4 table that this CPU's CR3 holds. */
paddr_t mmu_loaded_root(void);

/* Makes every lazy CPU load another space, before the tables of `space` are dropped. No CPU runs a
   thread of the space. Interrupts are enabled and no lock of RANK_TABLE or above is held. */
void mmu_evict(struct mmu_space *space);

/* Flush one page, or [start, end), on every CPU that runs `space`. They return when all have done
   so. If `space` may run on another CPU, interrupts are enabled and no lock of RANK_TABLE or above
   is held. */
void tlb_flush_page(struct mmu_space *space, uaddr_t addr);
void tlb_flush_range(struct mmu_space *space, uaddr_t start, uaddr_t end);

/* Flushes [start, end) on lazy CPUs, too, as is needed before tables are dropped: a lazy CPU may
   still walk through them ahead of time. Otherwise like tlb_flush_range. */
void tlb_flush_tables(struct mmu_space *space, uaddr_t start, uaddr_t end);

/* Flushes one page on this CPU, of a space that runs on no other. */
void tlb_flush_local_page(struct mmu_space *space, uaddr_t addr);

/* Flushes [start, end) on every CPU, of the kernel's half, or of the user's half of whatever space
   is loaded there. The conditions of tlb_flush_range hold. */
void tlb_flush_everywhere(uint64_t start, uint64_t end);

/* Returns the CPUs that have yet to carry out the request of `cpu`. For reports. */
cpumask_t shootdown_awaited_by(unsigned cpu);

/* The flushes of all CPUs since boot. */
struct tlb_counts {
    uint64_t sent;     /* requests to other CPUs; one to several CPUs counts once */
    uint64_t received; /* requests of other CPUs that were answered */
    uint64_t all;      /* flushes of everything */
    uint64_t pages;    /* pages that were flushed one by one */
};

struct tlb_counts tlb_counts(void);
