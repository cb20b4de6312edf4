/* What the hardware knows of an address space, and how it is made to forget.

   A CPU may keep any translation, and any entry of the upper levels, that it has walked since the last flush.
   INVLPG drops the page's translation and all of this CPU's paging-structure caches (SDM 3A, 4.10.4.1); loading CR3
   drops everything that is not global. Without PCIDs, a CPU holds user translations only of the space it runs now. */
#pragma once

#include <arch/cpu.h>

struct mmu_space {
    paddr_t root;      /* of the level-4 table */
    cpumask_t running; /* atomic: the CPUs whose CR3 is `root` now */
};

/* Loads `to` (NULL: the kernel's own, which maps nothing of a user) on this CPU. Preemption is off. */
void mmu_switch(struct mmu_space *to);

/* The space that this CPU has loaded; NULL: the kernel's own. */
struct mmu_space *mmu_current(void);

/* Forgets one page, or [start, end), wherever `space` is running; returns when every CPU has done so.
   Interrupts are on, and no lock of RANK_TABLE or above is held, if `space` may run on another CPU. */
void tlb_flush_page(struct mmu_space *space, uaddr_t addr);
void tlb_flush_range(struct mmu_space *space, uaddr_t start, uaddr_t end);

/* Forgets one page of a space that runs on no other CPU. */
void tlb_flush_local_page(struct mmu_space *space, uaddr_t addr);

/* Forgets [start, end) of the kernel's half on every CPU. */
void tlb_flush_kernel(uint64_t start, uint64_t end);
