/* The fault handler: keeps the promises that regions make. */
#pragma once

#include <arch/trap.h>
#include <vm/vspace.h>

/* Brings the page of `addr` into the page table, with the rights that `access` (FAULT_ words) asks for, or says why
   not. May sleep. Locks: takes the vspace's for reading, then RANK_CACHE or RANK_TABLE, and those of mm/ inside. */
enum fault_outcome vspace_fault(struct vspace *vspace, uaddr_t addr, unsigned access);

/* Whether the access can go on. */
static inline bool fault_resolved(enum fault_outcome outcome)
{
    return outcome < FAULT_NOT_MAPPED;
}

/* How often each outcome has been since boot, over all CPUs. */
void fault_totals(uint64_t totals[FAULT_OUTCOMES]);

/* "zero_filled", ...: the name in /proc/PID/faults. */
const char *fault_outcome_name(enum fault_outcome outcome);

/* In words, for a person, why `addr` could not be had: "not mapped: 4096 bytes above the break", "not allowed: the region
   is not writable", ... into `buf`. */
void fault_explain(struct vspace *vspace, uaddr_t addr, unsigned access, enum fault_outcome outcome,
                   char *buf, size_t size);

/* Whether it is the shared zero page. */
bool fault_is_zero_page(const struct frame *frame);

/* Makes the shared zero page. Once, at boot. */
void fault_init(void);
