/* Files that are held back (heldback.h). */
#include "heldback.h"

#ifdef DEBUG

#include <sched/waitq.h>

static struct spinlock heldback_lock = SPINLOCK(RANK_PIPE);
static struct waitq heldback_waiters =
    WAITQ(heldback_waiters); /* one wake-up for all; each looks at its own file */

bool heldback_is(const struct vnode *vnode)
{
    return atomic_load(&vnode->mode) & S_ISVTX;
}

int heldback_wait(const struct vnode *vnode)
{
    int err = 0;

    spin_lock(&heldback_lock);
    while (heldback_is(vnode) && !err)
        err = waitq_sleep_holding(&heldback_waiters, &heldback_lock, UINT64_MAX);
    spin_unlock(&heldback_lock);
    return err;
}

void heldback_mode_changed(void)
{
    spin_lock(&heldback_lock);
    waitq_wake_all(&heldback_waiters);
    spin_unlock(&heldback_lock);
}

#endif
