/* Address spaces: made, forked, destroyed. What happens to regions in between is in map.c and brk.c; how they fill up
   in fault.c.

   Locks: the list of all vspaces has its own (RANK_PIPE); a vspace's fields are under its lock. */

#include <linux/errno.h>
#include <arch/atomic.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <vm/fault.h>
#include <vm/vspace.h>

static struct spinlock all_lock = SPINLOCK(RANK_PIPE);
static LIST_HEAD(, vspace) all_vspaces = LIST_HEAD_INITIALIZER(all_vspaces); /* (all_lock) */

static void free_regions(struct vspace *vspace)
{
    struct vregion *region;

    while ((region = RB_ROOT(&vspace->regions))) {
        vregion_remove(&vspace->regions, region);
        vregion_free(region);
    }
}

/* Lists the vspace, behind its parent if it has one: vspace_forget_pages goes through the list in order, and must not
   miss what a child inherits from a parent that it has yet to come to. From then on others change it, under its lock;
   so a child is listed when it is complete, and before its parent's lock is given back. */
static void list_behind(struct vspace *parent, struct vspace *vspace)
{
    spin_lock(&all_lock);
    if (parent)
        LIST_INSERT_AFTER(parent, vspace, all);
    else
        LIST_INSERT_HEAD(&all_vspaces, vspace, all);
    spin_unlock(&all_lock);
}

/* It is not listed yet. */
static int create(struct vspace **out)
{
    struct vspace *vspace = heap_alloc_zeroed(sizeof(*vspace));

    if (!vspace)
        return -ENOMEM;
    int err = pagetable_create(&vspace->pagetable);
    if (err) {
        heap_free(vspace);
        return err;
    }
    rwlock_init(&vspace->lock, RANK_VSPACE);
    RB_INIT(&vspace->regions);
    *out = vspace;
    return 0;
}

int vspace_create(const struct vspace_limits *limits, struct vspace **out)
{
    int err = create(out);

    if (err)
        return err;
    (*out)->limits = *limits;
    list_behind(NULL, *out);
    return 0;
}

static void vspace_destroy(struct vspace *vspace)
{
    spin_lock(&all_lock);
    LIST_REMOVE(vspace, all);
    spin_unlock(&all_lock);
    pagetable_destroy(&vspace->pagetable);
    free_regions(vspace);
    heap_free(vspace);
}

void vspace_get(struct vspace *vspace)
{
    atomic_add_fetch(&vspace->pagetable.users, 1u);
}

void vspace_put(struct vspace *vspace)
{
    if (atomic_sub_fetch(&vspace->pagetable.users, 1u) == 0)
        vspace_destroy(vspace);
}

static int copy_regions(struct vspace *parent, struct vspace *child)
{
    struct vregion *region;

    for (region = vregion_find_from(&parent->regions, 0); region; region = vregion_next(region)) {
        struct vregion *copy = vregion_alloc(region);

        if (!copy)
            return -ENOMEM;
        vregion_insert(&child->regions, copy);
    }
    return 0;
}

int vspace_fork(struct vspace *parent, struct vspace **out)
{
    struct vspace *child;
    int err = create(&child);

    if (err)
        return err;
    rwlock_write_lock(&parent->lock);
    child->limits = parent->limits;
    child->mapped_peak = parent->mapped_bytes;
    child->heap_start = parent->heap_start;
    child->brk = parent->brk;
    child->stack_start = parent->stack_start;
    child->mapped_bytes = parent->mapped_bytes;
    child->data_bytes = parent->data_bytes;
    err = copy_regions(parent, child);
    if (!err)
        pagetable_fork(&parent->pagetable, &child->pagetable);
    list_behind(parent, child);
    rwlock_write_unlock(&parent->lock);
    if (err) {
        vspace_put(child);
        return err;
    }
    *out = child;
    return 0;
}

void vspace_for_each(bool (*each)(struct vspace *vspace, void *arg), void *arg)
{
    struct vspace *vspace;

    spin_lock(&all_lock);
    LIST_FOREACH (vspace, &all_vspaces, all)
        if (!each(vspace, arg))
            break;
    spin_unlock(&all_lock);
}

/* Takes a reference unless the last one is gone and the vspace is on its way out. */
static bool get_if_alive(struct vspace *vspace)
{
    unsigned users;

    do
        users = atomic_load(&vspace->pagetable.users);
    while (users && !atomic_compare_exchange(&vspace->pagetable.users, users, users + 1));
    return users;
}

/* The vspace after `before` (NULL: the first), with a reference; the one on `before` is given back. */
static struct vspace *vspace_after(struct vspace *before)
{
    spin_lock(&all_lock);
    struct vspace *vspace = before ? LIST_NEXT(before, all) : LIST_FIRST(&all_vspaces);
    while (vspace && !get_if_alive(vspace))
        vspace = LIST_NEXT(vspace, all);
    spin_unlock(&all_lock);
    if (before)
        vspace_put(before);
    return vspace;
}

/* Where the pager's bytes end: behind them, a private region has zeros of its own. */
static uaddr_t pager_end(const struct vregion *region)
{
    return region->shared ? region->end : min(region->end, page_ceil(region->data_end));
}

static void forget_in(struct vspace *vspace, const struct pager *pager, uint64_t first)
{
    struct pagetable *pt = &vspace->pagetable;
    struct vregion *region = vregion_find_from(&vspace->regions, 0);

    for (; region; region = vregion_next(region)) {
        uint64_t skip = first > region->pager_page ? first - region->pager_page : 0;

        if (region->pager != pager || skip >= vregion_len(region) >> PAGE_SHIFT)
            continue;
        uaddr_t start = region->start + (skip << PAGE_SHIFT), end = pager_end(region);
        if (start < end && !pagetable_prepare_clear(pt, start, end, start, end))
            pagetable_clear(pt, start, end, start, end);
    }
}

void vspace_forget_pages(struct pager *pager, uint64_t first)
{
    for (struct vspace *vspace = vspace_after(NULL); vspace; vspace = vspace_after(vspace)) {
        rwlock_write_lock(&vspace->lock);
        forget_in(vspace, pager, first);
        rwlock_write_unlock(&vspace->lock);
    }
}

struct vspace_sizes vspace_sizes(struct vspace *vspace)
{
    struct vspace_sizes sizes = {0};

    rwlock_write_lock(&vspace->lock);
    sizes.mapped = vspace->mapped_bytes;
    sizes.mapped_peak = vspace->mapped_peak;
    sizes.data = vspace->data_bytes;
    sizes.tables = pagetable_count_tables(&vspace->pagetable) * PAGE_SIZE;
    for (struct vregion *region = vregion_find_from(&vspace->regions, 0); region;
         region = vregion_next(region)) {
        sizes.stack += region->kind == VREGION_STACK ? vregion_len(region) : 0;
        sizes.exec += region->prot & PROT_X ? vregion_len(region) : 0;
    }
    rwlock_write_unlock(&vspace->lock);
    return sizes;
}

int vspace_page_for_write(struct vspace *vspace, uaddr_t addr, void **page)
{
    /* Nobody else runs in it, so no lock is needed to look. */
    struct walk walk = pagetable_walk(&vspace->pagetable, addr);

    if (!walk.leaf_table || !(walk.leaf & PTE_WRITE)) {
        enum fault_outcome outcome = vspace_fault(vspace, addr, FAULT_WRITE);

        if (!fault_resolved(outcome))
            return outcome == FAULT_NO_MEMORY ? -ENOMEM : -EFAULT;
        walk = pagetable_walk(&vspace->pagetable, addr);
    }
    *page = frame_to_virt(pte_frame(walk.leaf));
    return 0;
}

/* Copies out of one page, if the page table shows it. Under the lock for writing nothing that it shows can go: frames
   are taken out of a tree of ours by faults and by who changes regions, both under this lock; and a table that we
   share with others is changed by nobody as long as we do. The bytes themselves may change while we read, as the
   program runs on. */
static bool read_present(struct vspace *vspace, uaddr_t from, void *to, size_t len)
{
    rwlock_write_lock(&vspace->lock);
    struct walk walk = pagetable_walk(&vspace->pagetable, from);
    bool is_present = walk.leaf & PTE_PRESENT;
    if (is_present)
        memcpy(to, (char *)frame_to_virt(pte_frame(walk.leaf)) + from % PAGE_SIZE, len);
    rwlock_write_unlock(&vspace->lock);
    return is_present;
}

/* A page that a fault has brought may be unmapped before we look, by the program itself: then the next fault says
   so. */
static bool read_in_page(struct vspace *vspace, uaddr_t from, void *to, size_t len)
{
    while (!read_present(vspace, from, to, len))
        if (!fault_resolved(vspace_fault(vspace, from, 0)))
            return false;
    return true;
}

size_t vspace_read(struct vspace *vspace, uaddr_t from, void *to, size_t len)
{
    size_t done = 0;

    while (done < len && from + done < USER_END) {
        size_t part = min(len - done, PAGE_SIZE - (from + done) % PAGE_SIZE);

        if (!read_in_page(vspace, from + done, (char *)to + done, part))
            break;
        done += part;
    }
    return done;
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
