/* A slow device, imitated by debug builds: the pages of a file in memory with the sticky bit are
   being read until the bit is cleared. So a test can look at what goes on while a fault waits.
   Other builds hold no file back. */
#pragma once

#include <fs/pagecache.h>
#include <fs/vnode.h>

#ifdef DEBUG
#define HELDBACK_MODE S_ISVTX
#else
#define HELDBACK_MODE 0
#endif

/* Returns true if faults on the file's pages are to wait. */
static inline bool heldback_is(const struct vnode *vnode)
{
    return !vnode->cache->store && (atomic_load(&vnode->mode) & HELDBACK_MODE);
}

/* Tells the waiters that the mode of a file has changed. */
static inline void heldback_mode_changed(struct vnode *vnode)
{
    if (HELDBACK_MODE && vnode->cache)
        pagecache_wake(vnode->cache);
}
