/* The kernel's half of the address space: made once by paging_init, the same in every root.

   The upper 256 entries of the kernel's root never change after paging_init, so a new root copies
   them and is complete for ever. What changes later (kernel stacks, devices) changes below them, in
   tables that all roots share. */
#pragma once

#include <lib/base.h>

/* The kernel's own root: its lower half is empty. */
paddr_t kernel_root(void);

/* Walks the kernel's half; returns how many leaves are both writable and executable. Must be 0. */
unsigned paging_check_wx(void);

/* Whether [addr, addr + len) lies in one kernel stack and can be read. */
bool kstack_contains(uint64_t addr, size_t len);

/* Whether `addr` lies in the guard below a kernel stack. */
bool kstack_is_guard(uint64_t addr);
