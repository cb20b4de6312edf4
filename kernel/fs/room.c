/* The memory that files may take. */
#include <fs/pagecache.h>
#include <mm/frame.h>

/* The frames that files leave free above the reserve of mm/frame.h: enough for any program to fork
   and to load a small program. */
#define LEFT_FREE 128

uint64_t pagecache_room(void)
{
    uint64_t nfree = frame_usage(FRAME_FREE), left = frame_reserve() + LEFT_FREE;

    return nfree > left ? nfree - left : 0;
}

bool pagecache_is_full(void)
{
    return pagecache_room() == 0;
}
