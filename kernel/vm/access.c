/* The kernel's access to an address space that need not be the current one: exec fills a new
   one, /proc and ptrace read any. Both go through the fault handler, like the program itself. */

#include <linux/errno.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <vm/fault.h>
#include <vm/vspace.h>

int vspace_page_for_write(struct vspace *vspace, uaddr_t addr, void **page)
{
    assert(addr < USER_END && !atomic_load(&vspace->pagetable.mmu.running));
    /* No lock is needed to look: no thread runs in the vspace yet, and truncation, which may come
       by the list of all, leaves an anonymous region alone. */
    struct walk walk = pagetable_walk(&vspace->pagetable, addr);

    if (!walk.leaf_table || !entry_is_mine(walk.leaf)) {
        enum fault_outcome outcome = vspace_fault(vspace, addr, FAULT_WRITE);

        if (!fault_resolved(outcome))
            return outcome == FAULT_NO_MEMORY ? -ENOMEM : -EFAULT;
        walk = pagetable_walk(&vspace->pagetable, addr);
    }
    if (unlikely(!walk.leaf_table || !entry_is_mine(walk.leaf))) {
        (void)!vspace_fault_verified(vspace, addr, FAULT_WRITE); /* says why */
        panic("the fault at %#lx was resolved, but the page is not mine", addr);
    }
    *page = frame_to_virt(entry_frame(walk.leaf));
    return 0;
}

int vspace_write(struct vspace *vspace, uaddr_t to, const void *from, size_t len)
{
    const char *bytes = from;

    while (len > 0) {
        size_t offset = to % PAGE_SIZE, part = min(len, PAGE_SIZE - offset);
        void *page;
        int err = vspace_page_for_write(vspace, to, &page);

        if (err)
            return err;
        memcpy((char *)page + offset, bytes, part);
        to += part;
        bytes += part;
        len -= part;
    }
    return 0;
}

/* Returns the page of `addr`, with a reference, after a fault if need be; NULL if it may not be
   read. The program itself may unmap what the fault has brought before we look:
   then the next fault says so. */
static struct frame *page_for_read(struct vspace *vspace, uaddr_t addr)
{
    struct fault_repeats repeats = {0};

    for (;;) {
        rwlock_read_lock(&vspace->lock);
        struct frame *page = pagetable_get_page(&vspace->pagetable, addr);
        rwlock_read_unlock(&vspace->lock);
        if (page)
            return page;
        bool is_endless = fault_is_endless(&repeats, vspace, 0, addr, 0);
        enum fault_outcome outcome =
            is_endless ? vspace_fault_verified(vspace, addr, 0) : vspace_fault(vspace, addr, 0);
        if (!fault_resolved(outcome))
            return NULL;
        if (is_endless)
            panic("the fault at %#lx ends as %s, but no page is found", addr,
                  fault_outcome_name(outcome));
    }
}

size_t vspace_read(struct vspace *vspace, uaddr_t from, void *to, size_t len)
{
    size_t done = 0;

    assert(atomic_load(&vspace->refs) > 0);
    assert(lock_check_none_from(RANK_VSPACE));
    while (done < len && from + done < USER_END) {
        size_t offset = (from + done) % PAGE_SIZE, part = min(len - done, PAGE_SIZE - offset);
        struct frame *page = page_for_read(vspace, from + done);

        if (!page)
            break;
        /* The reference keeps the page. Its bytes may change, as the program runs on. */
        memcpy((char *)to + done, (char *)frame_to_virt(page) + offset, part);
        frame_put(page);
        done += part;
    }
    return done;
}
