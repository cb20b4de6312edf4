/* The fault handler: keeps the promises that regions make. */
#pragma once

#include <arch/trap.h>
#include <vm/vspace.h>

/* Brings the page of `addr` into the page table, with the rights that `access` (FAULT_ words) asks
   for. Returns how the fault ended. May sleep. Locks: takes the vspace's for reading, and below it
   RANK_CACHE or RANK_TABLE, and those of mm/. */
enum fault_outcome vspace_fault(struct vspace *vspace, uaddr_t addr, unsigned access);

/* Returns true if the access can go on. */
static inline bool fault_resolved(enum fault_outcome outcome)
{
    return outcome < FAULT_NOT_MAPPED;
}

/* Returns how often each outcome has been since boot, over all CPUs. */
void fault_totals(uint64_t totals[FAULT_OUTCOMES]);

/* Returns the name in /proc/PID/faults: "zero_filled", ... */
const char *fault_outcome_name(enum fault_outcome outcome);

/* Writes into `buf`, for a person, why a fault at `addr` failed: "not mapped: 4096 bytes above
   the break", "not allowed: region 401000-407000 is not writable", ... */
void fault_explain(struct vspace *vspace, uaddr_t addr, unsigned access, enum fault_outcome outcome,
                   char *buf, size_t size);
