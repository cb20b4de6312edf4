/* The verification of a resolved fault; private to vm/. */
#pragma once

#include <vm/fault.h>

/* What a fault has ended with. */
struct fault_claim {
    uaddr_t addr;
    unsigned access; /* FAULT_ words */
    enum fault_outcome outcome;
    bool is_alone;     /* no other thread ran in the vspace when the fault began */
    size_t data_bytes; /* FAULT_FILE_COPIED: the file's part of the page; the rest is zero */
};

/* Panics unless the page table now allows the access, and the page holds what the outcome promises.
   Vspace lock: read, held since the fault ended. */
void fault_verify(struct vspace *vspace, const struct fault_claim *claim);
