/* Fork: the child gets the same regions, and shares the parent's whole tree.

   Of the tables, only the root is copied, so the cost does not grow with the memory of the process,
   but with the number of its regions. The first change of an entry by either process, such as a
   write, copies the tables on one path (own.c).

   Locks: the parent's vspace lock, for writing, until the child is complete and listed. */

#include <linux/errno.h>
#include <lib/panic.h>
#include <vm/vspace.h>
#include "vspaces.h"

void pagetable_fork(struct pagetable *parent, struct pagetable *child)
{
    struct frame *root = pagetable_root(parent), *copy = pagetable_root(child);
    pte_t *from = frame_to_virt(root), *to = frame_to_virt(copy);
    unsigned n;

    assert(atomic_load(&child->threads) == 1 && !atomic_load(&child->mmu.running));
    atomic_add_fetch(&parent->withdrawals, 1u);
    table_lock(root);
    EVENT(table_copy, frame_to_pfn(copy), frame_to_pfn(root), ROOT_LEVEL, USER_ROOT_ENTRIES);
    copy->used = root->used;
    for_each_used_entry(n, root, from)
    {
        to[n] = entry_share(root, &from[n]);
        assert_rule(2, !entry_is_mine(to[n]) && !entry_is_mine(entry_load(&from[n])));
    }
    table_unlock(root);
    /* The parent's other threads may go on writing through their TLBs until the flush has ended.
       The child does not run before that. */
    tlb_flush_range(&parent->mmu, 0, USER_END);
}

/* Lists the child and its regions. Others find it from then on, so it is complete. A walk to which
   the parent's lock is in the way still sees what the child inherits:

       the walk passes the child, which has no pages yet
       the parent, not passed yet, gives the child its pages
       the walk passes the parent

   So the lists come after the pages, and before the parent's lock is released. Returns the flags of
   all regions together. */
static unsigned list(struct vspace *parent, struct vspace *child)
{
    struct vregion *region;
    unsigned flags = 0;

    assert(rwlock_is_write_held(&parent->lock));
    for (region = vregion_first(&child->regions); region; region = vregion_next(region)) {
        flags |= region->flags;
        if (region->pager)
            pager_add_region(region);
    }
    vspace_list(child);
    return flags;
}

int vspace_fork(struct vspace *parent, struct vspace **out)
{
    struct vspace *child;
    int err = vspace_alloc(&child);

    if (err)
        return err;
    EVENT(vspace_fork, child->number, parent->number);
    rwlock_write_lock(&parent->lock);
    child->account = parent->account;
    child->account.mapped_peak = parent->account.mapped_bytes;
    err = vregion_clone_all(&child->regions, &parent->regions);
    if (!err)
        pagetable_fork(&parent->pagetable, &child->pagetable);
    unsigned flags = list(parent, child);
    rwlock_write_unlock(&parent->lock);
    if (!err && (flags || child->account.new_flags))
        err = vspace_flags_forked(child);
    if (err) {
        vspace_leave(child);
        return err;
    }
    vspace_check(child, 0, USER_END);
    *out = child;
    return 0;
}
