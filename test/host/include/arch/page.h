/* The kernel's pages and page-table entries, with another direct map: physical memory is an
   array. */
#pragma once

#define phys_to_virt direct_map_to_virt
#define virt_to_phys direct_map_to_phys
#include_next <arch/page.h>
#undef phys_to_virt
#undef virt_to_phys

#ifndef MEMORY_PAGES /* a test may ask for more */
#define MEMORY_PAGES 1024u
#endif
#define MEMORY_SIZE (MEMORY_PAGES * PAGE_SIZE)

extern char memory[MEMORY_SIZE];

__noreturn void memory_missed(paddr_t addr);

static inline void *phys_to_virt(paddr_t addr)
{
    if (unlikely(addr >= MEMORY_SIZE))
        memory_missed(addr);
    return memory + addr;
}

static inline paddr_t virt_to_phys(const void *p)
{
    return (const char *)p - memory;
}
