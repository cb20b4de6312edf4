/* The kernel's half of the address space. paging_init makes it, and it is the same below every
   root.

   The upper 256 entries of the kernel's root never change after paging_init, so the copy of them in
   a new root stays complete. What changes later (kernel stacks, devices) changes in tables below
   them, which all roots share. */
#pragma once

#include <lib/base.h>

/* Returns the kernel's own root, whose lower half is empty. */
paddr_t kernel_root(void);

/* Returns how many leaves of the kernel's half are both writable and executable. Must be 0. */
unsigned paging_check_wx(void);

/* Returns true if [addr, addr + len) lies in one kernel stack and is mapped. */
bool kstack_contains(uint64_t addr, size_t len);

/* Returns true if `addr` lies in the guard below a kernel stack. */
bool kstack_is_guard(uint64_t addr);
