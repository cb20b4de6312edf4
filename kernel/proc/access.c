/* The kernel's access to an address space that need not be the current one: exec fills a new
   one, /proc and ptrace read any and write any. All go through the fault handler, like the program
   itself.

   A poke holds the vspace's lock for writing while it copies to the page. Else this could happen:

       this thread finds the page mine          the program unmaps it, and the frame is free
       this thread writes the frame             another process has it by now

   Nothing but memory of the kernel is touched meanwhile. */

#include <linux/errno.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <proc/access.h>
#include <vm/fault.h>

static const char *why_not_mine(const struct walk *walk)
{
    if (!(walk->leaf & PTE_PRESENT))
        return "the leaf is absent";
    return walk->leaf_table ? "the leaf is not writable"
                            : "an entry above the leaf is not writable";
}

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
        if (unlikely(!walk.leaf_table || !entry_is_mine(walk.leaf)))
            panic(RULE(1) "the fault at %#lx ended as %s, but %s", addr,
                  fault_outcome_name(outcome), why_not_mine(&walk));
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
   read. `access` is 0 or FAULT_FORCED. The program itself may unmap what the fault has brought
   before we look: then the next fault says so. */
static struct frame *page_for_read(struct vspace *vspace, uaddr_t addr, unsigned access)
{
    enum page_wanted wanted = access & FAULT_FORCED ? PAGE_OR_HELD : PAGE_PRESENT;

    for (;;) {
        rwlock_read_lock(&vspace->lock);
        struct frame *page = pagetable_get_page(&vspace->pagetable, addr, wanted);
        rwlock_read_unlock(&vspace->lock);
        if (page || !fault_resolved(vspace_fault(vspace, addr, access)))
            return page;
    }
}

static size_t read_pages(struct vspace *vspace, uaddr_t from, void *to, size_t len, unsigned access)
{
    size_t done = 0;

    assert(atomic_load(&vspace->refs) > 0);
    assert(lock_check_none_from(RANK_VSPACE));
    while (done < len && from + done < USER_END) {
        size_t offset = (from + done) % PAGE_SIZE, part = min(len - done, PAGE_SIZE - offset);
        struct frame *page = page_for_read(vspace, from + done, access);

        if (!page)
            break;
        /* The reference keeps the page. Its bytes may change, as the program runs on. */
        memcpy((char *)to + done, (char *)frame_to_virt(page) + offset, part);
        frame_put(page);
        done += part;
    }
    return done;
}

size_t vspace_read(struct vspace *vspace, uaddr_t from, void *to, size_t len)
{
    return read_pages(vspace, from, to, len, 0);
}

size_t vspace_peek(struct vspace *vspace, uaddr_t from, void *to, size_t len)
{
    return read_pages(vspace, from, to, len, FAULT_FORCED);
}

/* Finds the page of `addr` in a region that may be written, by a fault. */
static enum fault_outcome page_written(struct vspace *vspace, uaddr_t addr, struct frame **page)
{
    enum fault_outcome outcome = vspace_fault_locked(vspace, addr, FAULT_WRITE);

    if (fault_resolved(outcome))
        *page = entry_frame(pagetable_walk(&vspace->pagetable, addr).leaf);
    return outcome;
}

/* Finds the page of `addr` in a private region that may not be written, and makes it the process's
   own. */
static enum fault_outcome page_owned(struct vspace *vspace, uaddr_t addr, struct frame **page)
{
    enum fault_outcome outcome = FAULT_SPURIOUS;

    if (!pagetable_walk(&vspace->pagetable, addr).leaf)
        outcome = vspace_fault_locked(vspace, addr, FAULT_FORCED);
    if (fault_resolved(outcome) &&
        pagetable_own_quietly(&vspace->pagetable, page_floor(addr), page))
        outcome = FAULT_NO_MEMORY;
    return outcome;
}

/* Finds the page of `addr` for a poke. The lock is held for writing. */
static enum fault_outcome page_for_poke(struct vspace *vspace, uaddr_t addr, struct frame **page)
{
    assert(rwlock_is_write_held(&vspace->lock));
    if (!vspace_grow_stack_locked(vspace, addr))
        return FAULT_NOT_MAPPED;
    const struct vregion *region = vregion_find(&vspace->regions, addr);
    if (region->prot & PROT_W)
        return page_written(vspace, addr, page);
    return region->shared ? FAULT_NOT_ALLOWED : page_owned(vspace, addr, page);
}

/* Lets an ordinary fault wait until the page is ready, for a write if the program may write it.
   Returns false if it cannot be. */
static bool poke_wait(struct vspace *vspace, uaddr_t to)
{
    enum fault_outcome outcome = vspace_fault(vspace, to, FAULT_WRITE);

    if (outcome == FAULT_NOT_ALLOWED)
        outcome = vspace_fault(vspace, to, FAULT_FORCED);
    return fault_resolved(outcome);
}

/* Writes within one page. */
static bool poke_page(struct vspace *vspace, uaddr_t to, const void *from, size_t len)
{
    enum fault_outcome outcome;
    struct frame *page;

    do {
        rwlock_write_lock(&vspace->lock);
        outcome = page_for_poke(vspace, to, &page);
        if (fault_resolved(outcome))
            memcpy((char *)frame_to_virt(page) + to % PAGE_SIZE, from, len);
        rwlock_write_unlock(&vspace->lock);
    } while (outcome == FAULT_WOULD_WAIT && poke_wait(vspace, to));
    return fault_resolved(outcome);
}

size_t vspace_poke(struct vspace *vspace, uaddr_t to, const void *from, size_t len)
{
    size_t done = 0, part;

    assert(atomic_load(&vspace->refs) > 0);
    assert(lock_check_none_from(RANK_VSPACE));
    while (done < len && to + done < USER_END) {
        part = min(len - done, PAGE_SIZE - (to + done) % PAGE_SIZE);
        if (!poke_page(vspace, to + done, (const char *)from + done, part))
            break;
        done += part;
    }
    return done;
}
