/* The life of a page table: made empty, and dropped whole (vm/pagetable.h). */

#include <linux/errno.h>
#include <arch/paging.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <vm/pagetable.h>

int pagetable_create(struct pagetable *pt)
{
    struct frame *root = table_alloc(ROOT_LEVEL);

    if (!root)
        return -ENOMEM;
    pte_t *entries = frame_to_virt(root);
    const pte_t *kernel = phys_to_virt(kernel_root());
    memset(entries, 0, PAGE_SIZE / 2);
    memcpy(entries + USER_ROOT_ENTRIES, kernel + USER_ROOT_ENTRIES, PAGE_SIZE / 2);
    *pt = (struct pagetable){.mmu.root = frame_to_phys(root), .threads = 1};
    return 0;
}

void pagetable_destroy(struct pagetable *pt)
{
    struct frame *root = pagetable_root(pt);
    const pte_t *entries = frame_to_virt(root);
    unsigned n;

    assert(!atomic_load(&pt->threads));
    mmu_evict(&pt->mmu); /* a CPU that is lazy may still walk through the tables */
    for_each_used_entry(n, root, entries)
    {
        ENTRY_EVENT(root, &entries[n], 0);
        entry_put(entries[n], ROOT_LEVEL);
    }
    /* table_put is wrong here, because the kernel's half of the root holds no references. */
    frame_put(root);
}
