/* The kernel's half of the address space (arch/paging.h; its layout is in arch/page.h).

       region                    rights                    tables
       direct map, per range     RW-                       pages as large as fit
         of the initrd elsewhere R--                       pages as large as fit
         of kernel text, rodata  R--                       4 KiB
       devices                   RW-, uncached             DEVICE_WINDOW bytes of leaf tables
         framebuffer             RW-, write combining
       kernel stacks             RW-, guards absent        leaf tables for all slots
       the image                 text R-X, rodata R--, data RW-

   Always true: no page is both writable and executable. paging_init fills every entry of the
   kernel's root that is ever used. All pages are global. A leaf entry changes by a single store of
   8 bytes.

   Source: SDM 3A, 4.5. */
#include <arch/atomic.h>
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/init.h>
#include <arch/page.h>
#include <arch/paging.h>
#include <lib/panic.h>
#include "descriptor.h"
#include "image.h"
#include "regs.h"
#include "smp.h"

#define LOW_MEMORY_END 0x100000ul

#define KERNEL_R  (PTE_PRESENT | PTE_GLOBAL | PTE_NX)
#define KERNEL_RW (KERNEL_R | PTE_WRITE)
#define KERNEL_RX (PTE_PRESENT | PTE_GLOBAL)

#define DEVICE_WINDOW (32ul << 20)

#define BYTES_PER_KSTACK (64ul << 10) /* bytes of memory for each kernel stack */
#define MIN_KSTACKS      256u
#define MAX_KSTACKS      8192u

/* Each CPU has stacks for #DF, NMI and #MC, and one that it starts on. Their slots come behind
   those of the threads. The boot CPU starts on the stack of the image instead. */
#define CPU_STACKS  (TRAP_STACKS + 1)
#define START_STACK TRAP_STACKS

static paddr_t root;
static unsigned nkstacks;
static bool has_gib_pages;

static uint64_t device_next = DEVICE_BASE; /* atomic: the first free address of the window */

paddr_t kernel_root(void)
{
    return root;
}

unsigned kstack_slots(void)
{
    return nkstacks;
}

/* Returns the entry for `addr` at `level`, and makes the tables above it where they are missing. */
static pte_t *entry_make(uint64_t addr, int level)
{
    pte_t *table = phys_to_virt(root);
    for (int l = ROOT_LEVEL; l > level; l--) {
        pte_t *entry = &table[level_index(l, addr)];
        if (!*entry)
            *entry = boot_alloc(1) | PTE_PRESENT | PTE_WRITE;
        table = phys_to_virt(*entry & PTE_ADDR);
    }
    return &table[level_index(level, addr)];
}

/* Returns the leaf entry for `addr`, or NULL if there is no table for it; a large page has none. */
static pte_t *leaf_find(uint64_t addr)
{
    pte_t *table = phys_to_virt(root);
    for (int l = ROOT_LEVEL; l > 1; l--) {
        pte_t entry = table[level_index(l, addr)];
        if (!(entry & PTE_PRESENT) || (entry & PTE_LARGE))
            return NULL;
        table = phys_to_virt(entry & PTE_ADDR);
    }
    return &table[level_index(1, addr)];
}

/* Returns the highest level whose pages can begin a mapping of `len` bytes from `addr` to `pa`. */
static int level_that_fits(uint64_t addr, paddr_t pa, uint64_t len)
{
    int level = has_gib_pages ? 3 : 2;
    while (level > 1 && (((addr | pa) & (level_span(level) - 1)) || len < level_span(level)))
        level--;
    return level;
}

static void map_range(uint64_t addr, paddr_t pa, paddr_t end, pte_t rights)
{
    while (pa < end) {
        int level = level_that_fits(addr, pa, end - pa);
        *entry_make(addr, level) = pa | rights | (level > 1 ? PTE_LARGE : 0);
        pa += level_span(level);
        addr += level_span(level);
    }
}

static void map_direct(paddr_t start, paddr_t end, pte_t rights)
{
    if (start < end)
        map_range(start + DIRECT_MAP_BASE, start, end, rights);
}

/* Maps a range, in which the image's text and read-only data must not become writable. */
static void map_direct_around_image(paddr_t start, paddr_t end)
{
    paddr_t first = image_to_phys(image_start), last = image_to_phys(image_rodata_end);
    map_direct(start, min(end, first), KERNEL_RW);
    map_direct(max(start, first), min(end, last), KERNEL_R);
    map_direct(max(start, last), end, KERNEL_RW);
}

/* Maps what of the initial RAM disk lies outside of usable memory: the firmware may have reserved
   pages where the loader has put it. */
static void map_initrd(void)
{
    paddr_t start = max(page_floor(boot_info.initrd_start), LOW_MEMORY_END);
    paddr_t end = page_ceil(boot_info.initrd_end);

    for (unsigned i = 0; i < boot_info.nram; i++) {
        map_direct(start, min(end, boot_info.ram[i].start), KERNEL_R);
        start = max(start, boot_info.ram[i].end);
    }
    map_direct(start, end, KERNEL_R);
}

static void map_memory(void)
{
    map_direct(0, LOW_MEMORY_END, KERNEL_RW);
    for (unsigned i = 0; i < boot_info.nram; i++)
        map_direct_around_image(boot_info.ram[i].start, boot_info.ram[i].end);
    map_initrd();
}

static void map_image_part(const char *start, const char *end, pte_t rights)
{
    map_range((uint64_t)start, image_to_phys(start), image_to_phys(end), rights);
}

static void map_image(void)
{
    map_image_part(image_start, image_text_end, KERNEL_RX);
    map_image_part(image_text_end, image_rodata_end, KERNEL_R);
    map_image_part(image_rodata_end, image_end, KERNEL_RW);
    *leaf_find((uint64_t)boot_stack_guard) = 0;
}

/* Makes empty leaf tables for [addr, addr + len). */
static void tables_make(uint64_t addr, uint64_t len)
{
    for (uint64_t end = addr + len; addr < end; addr += level_span(2))
        entry_make(addr, 1);
}

static uint64_t memory_size(void)
{
    uint64_t size = 0;
    for (unsigned i = 0; i < boot_info.nram; i++)
        size += boot_info.ram[i].end - boot_info.ram[i].start;
    return size;
}

static void kstacks_init(void)
{
    uint64_t wanted = memory_size() / BYTES_PER_KSTACK;
    nkstacks = min(max(wanted, (uint64_t)MIN_KSTACKS), (uint64_t)MAX_KSTACKS);
    tables_make(KSTACK_BASE, (nkstacks + MAX_CPUS * CPU_STACKS) * KSTACK_SLOT);
}

static uint64_t stack_top(unsigned cpu, unsigned n)
{
    uint64_t slot = nkstacks + cpu * CPU_STACKS + n;

    return KSTACK_BASE + (slot + 1) * KSTACK_SLOT;
}

static void stack_map(uint64_t top)
{
    for (uint64_t va = top - KSTACK_SIZE; va < top; va += PAGE_SIZE)
        kstack_map(va, boot_alloc(1));
}

void cpu_stacks_map(unsigned cpu)
{
    for (unsigned n = 0; n < TRAP_STACKS; n++)
        stack_map(stack_top(cpu, n));
    if (cpu > 0)
        stack_map(cpu_stack_top(cpu));
}

void cpu_stacks_use(unsigned cpu)
{
    for (unsigned n = 0; n < TRAP_STACKS; n++)
        tss_set_trap_stack(cpu, n, stack_top(cpu, n));
}

uint64_t cpu_stack_top(unsigned cpu)
{
    return stack_top(cpu, START_STACK);
}

void paging_init(void)
{
    has_gib_pages = cpuid(0x80000001).edx & CPUID_80000001_EDX_GIB_PAGES;
    root = boot_alloc(1);
    map_memory();
    map_image();
    tables_make(DEVICE_BASE, DEVICE_WINDOW);
    kstacks_init();
    cpu_stacks_map(0);
    cr3_write(root);
    cpu_stacks_use(0);
    assert(paging_check_wx() == 0);
}

paddr_t kstack_map(uint64_t va, paddr_t pa)
{
    assert(va >= KSTACK_BASE && !kstack_is_guard(va));
    pte_t *entry = leaf_find(va);
    assert(entry);
    return atomic_exchange(entry, pa ? pa | KERNEL_RW : 0) & PTE_ADDR;
}

static void *device_map_as(paddr_t addr, size_t size, pte_t memory_type)
{
    paddr_t start = page_floor(addr), end = page_ceil(addr + size);
    uint64_t va = atomic_add_fetch(&device_next, end - start) - (end - start);
    if (va + (end - start) > DEVICE_BASE + DEVICE_WINDOW)
        panic("device_map: no room for %zu bytes of registers at %#lx", size, addr);
    for (paddr_t pa = start; pa < end; pa += PAGE_SIZE)
        atomic_store(leaf_find(va + (pa - start)), pa | KERNEL_RW | memory_type);
    return (void *)(va + (addr - start));
}

void *device_map(paddr_t addr, size_t size)
{
    return device_map_as(addr, size, PTE_UNCACHED);
}

void *framebuffer_map(paddr_t addr, size_t size)
{
    return device_map_as(addr, size, PTE_COMBINE);
}

bool kstack_is_guard(uint64_t addr)
{
    uint64_t boot_guard = (uint64_t)boot_stack_guard;
    if (addr >= boot_guard && addr < boot_guard + PAGE_SIZE)
        return true;
    uint64_t area = (nkstacks + MAX_CPUS * CPU_STACKS) * KSTACK_SLOT;
    return addr >= KSTACK_BASE && addr - KSTACK_BASE < area &&
           (addr - KSTACK_BASE) % KSTACK_SLOT < KSTACK_SLOT - KSTACK_SIZE;
}

static bool leaf_is_present(uint64_t addr)
{
    const pte_t *entry = leaf_find(addr);
    return entry && (*entry & PTE_PRESENT);
}

bool kstack_contains(uint64_t addr, size_t len)
{
    uint64_t last = addr + len - 1;
    if (addr >= (uint64_t)boot_stack && last < (uint64_t)boot_stack_top)
        return true;
    if (!root || addr < KSTACK_BASE || last < addr || last >= KERNEL_BASE)
        return false;
    bool same_slot = (addr - KSTACK_BASE) / KSTACK_SLOT == (last - KSTACK_BASE) / KSTACK_SLOT;
    return same_slot && leaf_is_present(addr) && leaf_is_present(last);
}

/* Returns how many leaves below `table` are writable and executable, given the rights of the
   entries above it. */
static unsigned table_count_wx(const pte_t *table, int level, bool write_above, bool exec_above)
{
    unsigned found = 0;
    for (unsigned i = level == ROOT_LEVEL ? TABLE_ENTRIES / 2 : 0; i < TABLE_ENTRIES; i++) {
        if (!(table[i] & PTE_PRESENT))
            continue;
        bool write = write_above && (table[i] & PTE_WRITE);
        bool exec = exec_above && !(table[i] & PTE_NX);
        if (level == 1 || (table[i] & PTE_LARGE))
            found += write && exec;
        else
            found += table_count_wx(phys_to_virt(table[i] & PTE_ADDR), level - 1, write, exec);
    }
    return found;
}

unsigned paging_check_wx(void)
{
    return table_count_wx(phys_to_virt(cr3_read() & PTE_ADDR), ROOT_LEVEL, true, true);
}
