/* The fault handler: keeps the promises that regions make. */
#pragma once

#include <arch/trap.h>
#include <vm/vspace.h>

/* A bit of an access that the hardware does not have: a read that no right of the region forbids,
   as of a debugger. Where the region allows nothing, the page that comes is held. */
#define FAULT_FORCED (1u << 16)

/* Brings the page of `addr` into the page table, with the rights that `access` (FAULT_ words) asks
   for. Returns how the fault ended. May sleep. Locks: takes the vspace's for reading, and below it
   RANK_CACHE or RANK_TABLE, and those of mm/. */
enum fault_outcome vspace_fault(struct vspace *vspace, uaddr_t addr, unsigned access);

/* Does the same for a caller that holds the vspace's lock, for reading or writing. Returns
   FAULT_WOULD_WAIT, which no fault ends as, if the page is being read: the caller lets the lock go
   and uses vspace_fault. */
#define FAULT_WOULD_WAIT (FAULT_OUTCOMES + 1)
enum fault_outcome vspace_fault_locked(struct vspace *vspace, uaddr_t addr, unsigned access);

/* The same as vspace_fault, for a fault that has repeated without progress. Panics unless the page
   table now allows the access. */
enum fault_outcome vspace_fault_verified(struct vspace *vspace, uaddr_t addr, unsigned access);

/* Returns true if the access can go on. */
static inline bool fault_resolved(enum fault_outcome outcome)
{
    return outcome < FAULT_NOT_MAPPED;
}

/* The last page fault of a thread, and how often it has repeated without progress. */
struct fault_repeats {
    uint64_t rip; /* of the instruction */
    uaddr_t addr;
    unsigned access;      /* meaningful if count is not 0 */
    unsigned withdrawals; /* of the page table, before the repeat was resolved; likewise */
    unsigned count;       /* 0: the last fault has not repeated, or ended in a signal */
};

/* Notes a page fault of the instruction at `rip`, before it is resolved. Returns true if it is the
   last one again: then fault_repeat_is_endless counts it. This is on the way of every fault. No
   lock. */
static inline bool fault_is_repeated(struct fault_repeats *last, uint64_t rip, uaddr_t addr)
{
    if (unlikely(last->addr == addr && last->rip == rip))
        return true;
    last->addr = addr;
    last->rip = rip;
    last->count = 0;
    return false;
}

/* Counts a fault that has repeated. Returns true at the FAULT_REPEATS-th time in a row, if no entry
   has lost rights since the first. A fault that was resolved does not come again then, so the kernel
   is broken. No lock. */
#define FAULT_REPEATS 100u
__must_check bool fault_repeat_is_endless(struct fault_repeats *last, const struct vspace *vspace,
                                          unsigned access);

/* Returns how often faults have ended like this since boot, over all CPUs. */
uint64_t fault_total(enum fault_outcome outcome);

/* Returns the name in /proc/PID/faults: "zero_filled", ... */
const char *fault_outcome_name(enum fault_outcome outcome);

/* Writes into `buf`, for a person, why a fault at `addr` failed: "not mapped: 4096 bytes above
   the break", "not allowed: region 401000-407000 is not writable", ... */
void fault_explain(struct vspace *vspace, uaddr_t addr, unsigned access, enum fault_outcome outcome,
                   char *buf, size_t size);
