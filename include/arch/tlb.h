/* TLB flushes: the translations that a CPU caches, and the functions that drop them.

   A CPU may keep every translation, and every entry of upper levels, that it has walked since
   the last flush. INVLPG drops the page's translation and all paging-structure caches of this
   CPU (SDM 3A, 4.10.4.1). Loading CR3 drops everything that is not global. Without PCIDs, a CPU
   caches user translations of the space that it runs, and of no other. */
#pragma once

#include <arch/cpu.h>

struct mmu_space {
    paddr_t root;      /* the address of the level-4 table */
    cpumask_t running; /* atomic: the CPUs whose CR3 is `root` now */
};

/* Loads `to` on this CPU; NULL is the kernel's own space, which maps no user memory. Preemption is
   disabled. */
void mmu_switch(struct mmu_space *to);

/* Returns the space that this CPU has loaded; NULL is the kernel's own. */
struct mmu_space *mmu_current(void);

/* Returns the address of the level-4 table that this CPU's CR3 holds. */
paddr_t mmu_loaded_root(void);

/* Flush one page, or [start, end), on every CPU that runs `space`. They return when all have done
   so. If `space` may run on another CPU, interrupts are enabled and no lock of RANK_TABLE or above
   is held. */
void tlb_flush_page(struct mmu_space *space, uaddr_t addr);
void tlb_flush_range(struct mmu_space *space, uaddr_t start, uaddr_t end);

/* Flushes one page on this CPU, of a space that runs on no other. */
void tlb_flush_local_page(struct mmu_space *space, uaddr_t addr);

/* Flushes [start, end) on every CPU, of the kernel's half, or of the user's half of whatever space
   runs there. The conditions of tlb_flush_range hold. */
void tlb_flush_everywhere(uint64_t start, uint64_t end);
