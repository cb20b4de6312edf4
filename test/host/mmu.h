/* The simulated MMUs, one a CPU, and the instructions that use them.

   Each walks the real tables in memory as the hardware does (SDM 3A, 4.5 to 4.10): W and U count only if they are set at
   every level, NX counts if it is set at one; accessed bits are set on the way, the dirty bit by a write.

   Each has a TLB and, for each upper level, paging-structure caches. They may keep any entry until they are told to forget
   it, and lose any at random; a walk ahead of time may fill them whenever the kernel takes a step. Nothing that a CPU
   remembers is ever looked up again in the tables: so a flush that is missing becomes a wrong byte. */
#pragma once

#include <arch/tlb.h>
#include <vm/fault.h>

/* What the hardware does by chance: each happens once in so many times; 0: never. */
struct mmu_noise {
    uint32_t forget_one_in; /* an entry, when it would be used */
    uint32_t
        keep_at_fault_one_in;   /* what a fault came from (hardware forgets it, SDM 3A, 4.10.4.1) */
    uint32_t walk_ahead_one_in; /* a CPU walks to some page, when the kernel takes a step */
};

/* Sets what happens by chance from now on, and the seed that decides it. */
void mmu_set_noise(const struct mmu_noise *noise, uint64_t seed);

/* No chance: everything is kept until it is flushed, but for what a fault drops. */
void mmu_set_quiet(void);

/* Every CPU forgets everything, and none runs a space. */
void mmu_reset(void);

/* One of the pages that a walk ahead of time may want. */
extern uaddr_t (*mmu_walk_ahead_page)(uint32_t random);

/* A CPU walks to the page of `addr` ahead of time, without an access. */
void mmu_walk_ahead(unsigned cpu, uaddr_t addr);

/* One access of this CPU: 8 bytes that lie in one page. A fetch reads like a load. Faults are resolved by the kernel
   until the access succeeds or the kernel refuses. 0, or the failed enum fault_outcome. */
__must_check int cpu_load(uaddr_t addr, uint64_t *value);
__must_check int cpu_store(uaddr_t addr, uint64_t value);
__must_check int cpu_fetch(uaddr_t addr, uint64_t *value);

/* How the first fault of this CPU's last access ended; FAULT_OUTCOMES if it had none. */
enum fault_outcome cpu_first_fault(void);

/* Calls `each` for every page that a CPU remembers, with the frame and the rights (PTE_WRITE, PTE_NX, PTE_DIRTY). */
void mmu_for_each_page(unsigned cpu, void (*each)(unsigned cpu, uaddr_t page, pte_t entry));

/* The same for the tables: `level` is that of the table that is remembered for the span around `addr`. */
void mmu_for_each_table(unsigned cpu,
                        void (*each)(unsigned cpu, uaddr_t addr, int level, pte_t entry));

/* The space that a CPU has loaded. */
struct mmu_space *mmu_loaded(unsigned cpu);

/* The vspace that a CPU has loaded; NULL: none. */
struct vspace *vspace_loaded(unsigned cpu);

/* What the tables say of `addr` now, without a trace: the leaf entry at the end of the walk, with PTE_WRITE and PTE_USER
   only if all entries have it, and PTE_NX if one has. If `level` is not 1: the same for the entry that points to the
   table at level - 1. 0: absent; an entry without PTE_PRESENT: as it is. */
pte_t tables_look(const struct mmu_space *space, uaddr_t addr, int level);
