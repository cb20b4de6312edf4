/* The life of an address space, and the list of all.

       vspace_create, vspace_fork    one reference, one thread
       vspace_enter, vspace_leave    a thread more or less, with its reference
       vspace_get, vspace_put        a reference of somebody who only looks, or changes a file

   Locks: `all_lock` (RANK_SPACES) for the list of all vspaces. A vspace's fields are under its
   own. */

#include <linux/errno.h>
#include <arch/atomic.h>
#include <lib/panic.h>
#include <mm/heap.h>
#include <vm/vspace.h>
#include "vspaces.h"

static struct spinlock all_lock = SPINLOCK(RANK_SPACES);
static LIST_HEAD(, vspace) all_vspaces = LIST_HEAD_INITIALIZER(all_vspaces); /* (all_lock) */

void vspace_list(struct vspace *vspace)
{
    spin_lock(&all_lock);
    LIST_INSERT_HEAD(&all_vspaces, vspace, all);
    spin_unlock(&all_lock);
}

int vspace_alloc(struct vspace **out)
{
    static uint64_t last_number; /* atomic */
    struct vspace *vspace =
        heap_alloc_zeroed(sizeof(*vspace) + cpu_count() * sizeof(vspace->counts[0]));

    if (!vspace)
        return -ENOMEM;
    int err = pagetable_create(&vspace->pagetable);
    if (err) {
        heap_free(vspace);
        return err;
    }
    vspace->number = atomic_add_fetch(&last_number, 1ul);
    EVENT(vspace_new, vspace->number, (uint64_t)vspace, (uint64_t)&vspace->regions,
          frame_to_pfn(pagetable_root(&vspace->pagetable)));
    vspace->refs = 1;
    rwlock_init(&vspace->lock, RANK_VSPACE);
    RB_INIT(&vspace->regions);
    *out = vspace;
    return 0;
}

int vspace_create(const struct vspace_limits *limits, struct vspace **out)
{
    int err = vspace_alloc(out);

    if (err)
        return err;
    (*out)->account.limits = *limits;
    vspace_list(*out);
    return 0;
}

/* Destroys the vspace. No lock is needed: other threads reach it only through the list, or through
   that of a pager, and a vspace there with no references is skipped. */
static void vspace_destroy(struct vspace *vspace)
{
    assert(rwlock_is_free(&vspace->lock) && !atomic_load(&vspace->pagetable.threads));
    spin_lock(&all_lock);
    LIST_REMOVE(vspace, all);
    spin_unlock(&all_lock);
    pagetable_destroy(&vspace->pagetable);
    vregion_free_all(&vspace->regions);
    EVENT(vspace_end, vspace->number);
    heap_free(vspace);
}

void vspace_get(struct vspace *vspace)
{
    unsigned refs = atomic_add_fetch(&vspace->refs, 1u);

    assert(refs > 1);
}

void vspace_put(struct vspace *vspace)
{
    unsigned refs = atomic_sub_fetch(&vspace->refs, 1u);

    assert(refs != UINT32_MAX);
    if (refs == 0)
        vspace_destroy(vspace);
}

void vspace_enter(struct vspace *vspace)
{
    vspace_get(vspace);
    atomic_add_fetch(&vspace->pagetable.threads, 1u);
}

void vspace_leave(struct vspace *vspace)
{
    unsigned threads = atomic_sub_fetch(&vspace->pagetable.threads, 1u);

    assert(threads != UINT32_MAX);
    vspace_put(vspace);
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

bool vspace_get_unless_zero(struct vspace *vspace)
{
    unsigned refs;

    do
        refs = atomic_load(&vspace->refs);
    while (refs && !atomic_compare_exchange(&vspace->refs, refs, refs + 1));
    return refs;
}
