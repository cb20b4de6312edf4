/* A slow device, imitated by debug builds: the pages of a file with the sticky bit are being read
   until the bit is cleared. So a test can look at what goes on while a fault waits. Other builds
   hold no file back. */
#pragma once

#include <fs/vnode.h>

#ifdef DEBUG

/* Returns true if the file's pages are being read. */
bool heldback_is(const struct vnode *vnode);

/* Waits until they are. -EINTR: the thread is to be killed. */
__must_check int heldback_wait(const struct vnode *vnode);

/* Tells the waiters that the mode of a file has changed. */
void heldback_mode_changed(void);

#else

static inline bool heldback_is(const struct vnode *vnode __unused)
{
    return false;
}

static inline __must_check int heldback_wait(const struct vnode *vnode __unused)
{
    return 0;
}

static inline void heldback_mode_changed(void)
{
}

#endif
