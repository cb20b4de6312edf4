/* Populating: pages are faulted in ahead of a program's accesses; and residence, which pages are in
   memory. */
#pragma once

#include <vm/vspace.h>

/* Faults in pages from `*at` on, up to `end` or to the end of a region, but not too many at once,
   and moves `*at` behind what is done. On an error, the rest of the region or of the hole counts as
   done. -ENOMEM: no region, or no memory; -EFAULT: no page; -EINVAL: not allowed. */
enum populate {
    POPULATE_READ,
    POPULATE_WRITE,
    POPULATE_MAPPED, /* a private region that may be written: for writing */
    POPULATE_LOCKED, /* the same, but only regions that are locked and not ON_FAULT */
};
__must_check int vspace_populate(struct vspace *vspace, uaddr_t *at, uaddr_t end,
                                 enum populate how);

/* Says in `vec` of `npages` pages whether each can be read without waiting for a device: 1 or 0.
   -ENOMEM: a page has no region. */
__must_check int vspace_residence(struct vspace *vspace, uaddr_t start, size_t npages,
                                  uint8_t *vec);
