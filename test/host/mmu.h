/* The simulated MMUs, one per CPU, and the instructions that use them.

   An MMU walks the real tables in memory as the hardware does (SDM 3A, 4.5 to 4.10). W and U
   take effect only if every level has them; NX takes effect if one level has it. A walk sets
   accessed bits on its way, and a write sets the dirty bit.

   Each MMU has a TLB and, for each upper level, a paging-structure cache. A cache can keep an
   entry until a flush drops it, and can lose an entry at random. Walks ahead of time can fill
   the caches whenever the kernel takes a step. A cached translation is used without another look
   at the tables, so a missing flush becomes a wrong byte. */
#pragma once

#include <arch/tlb.h>
#include <vm/fault.h>

/* The random events of the hardware. Each happens once in so many times; 0 means never. */
struct mmu_noise {
    uint32_t forget_one_in;        /* a cached entry is lost before its use */
    uint32_t keep_at_fault_one_in; /* a fault drops nothing (else SDM 3A, 4.10.4.1) */
    uint32_t walk_ahead_one_in;    /* at a step, a CPU walks to some page */
};

/* Sets the random events from now on, and their seed. */
void mmu_set_noise(const struct mmu_noise *noise, uint64_t seed);

/* Turns random events off. Entries stay cached until a flush or a page fault drops them. */
void mmu_set_quiet(void);

/* Empties the caches of every CPU, and unloads the address spaces. */
void mmu_reset(void);

/* Returns a page for a walk ahead of time, chosen by a random number. */
extern uaddr_t (*mmu_walk_ahead_page)(uint32_t random);

/* Makes a CPU walk to the page of `addr` ahead of time, without an access. */
void mmu_walk_ahead(unsigned cpu, uaddr_t addr);

/* Access 8 bytes within one page on this CPU; a fetch reads as a load does. The kernel handles
   the faults until the access succeeds or a fault fails. Returns 0, or the enum fault_outcome
   that failed. */
__must_check int cpu_load(uaddr_t addr, uint64_t *value);
__must_check int cpu_store(uaddr_t addr, uint64_t value);
__must_check int cpu_fetch(uaddr_t addr, uint64_t *value);

/* Returns the outcome of the first fault in this CPU's last access, or FAULT_OUTCOMES if there
   was none. */
enum fault_outcome cpu_first_fault(void);

/* Calls `each` for every page in the TLB of a CPU. `entry` has the frame and the rights
   (PTE_WRITE, PTE_NX, PTE_DIRTY). */
void mmu_for_each_page(unsigned cpu, void (*each)(unsigned cpu, uaddr_t page, pte_t entry));

/* Calls `each` for every table in the paging-structure caches of a CPU. `level` is the level of
   the table, which covers the span around `addr`. */
void mmu_for_each_table(unsigned cpu,
                        void (*each)(unsigned cpu, uaddr_t addr, int level, pte_t entry));

/* Makes this CPU load a space; NULL is the kernel's own. */
void mmu_load(struct mmu_space *space);

/* Makes this CPU lazy (mmu_rest). */
void mmu_become_lazy(void);

/* Takes a request for a flush that was sent to this CPU, unless an instruction is under way or
   interrupts are disabled. Returns true if there was a request. */
bool mmu_take_interrupt(void);

/* Returns true if a CPU runs code of its own, and so takes its interrupts itself. NULL: no other
   CPU does. */
extern bool (*mmu_cpu_is_busy)(unsigned cpu);

/* Returns the MMU space whose thread a CPU runs; NULL if the CPU is lazy. */
struct mmu_space *mmu_loaded(unsigned cpu);

/* Returns the vspace whose thread a CPU runs, or NULL. */
struct vspace *vspace_loaded(unsigned cpu);

/* Returns the leaf entry of `addr` in the tables, without side effects. PTE_WRITE and PTE_USER
   are set only if every entry of the walk has them, and PTE_NX if one has it. If `level` is
   above 1, returns the entry that points to the table at `level` - 1. Returns 0 if the entry is
   absent, and an entry without PTE_PRESENT unchanged. */
pte_t tables_look(const struct mmu_space *space, uaddr_t addr, int level);
