/* Pages, page-table entries and the layout of the kernel's half, as the hardware defines them.
   Source: SDM 3A, 4.5 (4-level paging), tables 4-15 to 4-20. */
#pragma once

#include <lib/base.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ul

/* A table has 512 entries of 8 bytes. Level 1 is the leaf table (PT), level 4 the root (PML4). */
#define TABLE_ENTRIES 512u
#define ROOT_LEVEL    4

typedef uint64_t pte_t;

#define PTE_PRESENT  (1ul << 0)
#define PTE_WRITE    (1ul << 1)
#define PTE_USER     (1ul << 2)
#define PTE_COMBINE  (1ul << 3) /* write combining, by entry 1 of the PAT (cpu.c) */
#define PTE_UNCACHED (1ul << 4)
#define PTE_ACCESSED (1ul << 5)
#define PTE_DIRTY    (1ul << 6)
#define PTE_LARGE    (1ul << 7) /* a leaf on level 2 or 3 */
#define PTE_GLOBAL   (1ul << 8)
#define PTE_SHARED   (1ul << 9)  /* for software: a leaf of a MAP_SHARED region */
#define PTE_FRESH    (1ul << 10) /* for software: a page that waits for a flush to get W (own.c) */
#define PTE_NX       (1ul << 63)
#define PTE_ADDR     0x000ffffffffff000ul

/* Returns the bytes that one entry at `level` covers: 4 KiB, 2 MiB, 1 GiB, 512 GiB. */
static inline uint64_t level_span(int level)
{
    return 1ul << (PAGE_SHIFT + 9 * (level - 1));
}

/* Returns the index of the entry that translates `addr` in a table at `level`. */
static inline unsigned level_index(int level, uint64_t addr)
{
    return (addr >> (PAGE_SHIFT + 9 * (level - 1))) & (TABLE_ENTRIES - 1);
}

static inline uint64_t page_floor(uint64_t addr)
{
    return round_down(addr, PAGE_SIZE);
}

static inline uint64_t page_ceil(uint64_t addr)
{
    return round_up(addr, PAGE_SIZE);
}

/* Returns the bytes from `addr` to the end of its page. */
static inline size_t page_rest(uint64_t addr)
{
    return PAGE_SIZE - addr % PAGE_SIZE;
}

/* The address space (design.md section 5). */
#define USER_START 0x0000000000010000ul /* the first 64 KiB are never mapped */
#define USER_END   0x00007ffffffff000ul /* the last page of the lower half is never mapped */

#define DIRECT_MAP_BASE 0xffff800000000000ul
#define DEVICE_BASE     0xfffffe8000000000ul /* device registers */
#define KSTACK_BASE     0xffffff0000000000ul /* kernel stacks, each above a guard */
#define KERNEL_BASE     0xffffffff80000000ul /* the image: virtual = physical + KERNEL_BASE */

/* A kernel stack has a slot of KSTACK_SLOT bytes. The upper KSTACK_SIZE bytes are mapped; the rest
   is the guard. */
#define KSTACK_SIZE (4 * PAGE_SIZE)
#define KSTACK_SLOT (8 * PAGE_SIZE)

/* The direct map, in which the kernel accesses physical memory. */
static inline void *phys_to_virt(paddr_t addr)
{
    return (void *)(addr + DIRECT_MAP_BASE);
}

static inline paddr_t virt_to_phys(const void *p)
{
    return (uint64_t)p - DIRECT_MAP_BASE;
}
