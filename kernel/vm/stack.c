/* A stack: a region that grows down when an address below it is touched.

       region below     | never touched, at least STACK_GUARD_SIZE | stack, grows <- down |

   A stack grows to the page that was touched, if
     - no region lies between that page and the stack;
     - it is then no larger than RLIMIT_STACK as it is now, and all regions than RLIMIT_AS;
     - the region below is farther away than the guard, or may not be accessed, or is a stack too.
   The limits are looked at when a stack grows, and only then: a stack that is larger than a limit
   that was lowered stays as it is. To grow changes a bound and needs no memory.

   Lock: the vspace's, for writing. */

#include <lib/panic.h>
#include "vspaces.h"

/* Returns true if the limits let `stack` begin at `start`. */
static bool limits_allow(const struct vspace *vspace, const struct vregion *stack, uaddr_t start)
{
    return stack->end - start <= vspace->account.limits.stack &&
           !vspace_check_limits(vspace, stack, stack->start - start);
}

/* Returns true if the region below, if any, is far enough from a stack that begins at `start`. */
static bool is_far_from(const struct vregion *below, uaddr_t start)
{
    return !below || below->kind == VREGION_STACK || !below->prot ||
           start - below->end >= STACK_GUARD_SIZE;
}

bool vspace_grow_stack_locked(struct vspace *vspace, uaddr_t addr)
{
    struct vregion *stack = vregion_find_from(&vspace->regions, addr);
    uaddr_t start = page_floor(addr);

    assert(rwlock_is_write_held(&vspace->lock));
    if (stack && stack->start <= addr)
        return true;
    if (!stack || stack->kind != VREGION_STACK || start < USER_START ||
        !limits_allow(vspace, stack, start) || !is_far_from(vregion_prev(stack), start))
        return false;
    vspace_count_region(vspace, stack, -1);
    vregion_resize(stack, start, stack->end);
    vspace_count_region(vspace, stack, 1);
    vregion_merge(&vspace->regions, stack);
    return true;
}

bool vspace_grow_stack(struct vspace *vspace, uaddr_t addr)
{
    rwlock_write_lock(&vspace->lock);
    bool grown = vspace_grow_stack_locked(vspace, addr);
    rwlock_write_unlock(&vspace->lock);
    return grown;
}
