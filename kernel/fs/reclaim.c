/* Clean pages of files on disks are given up when memory is short: they can be read again.

   A hand goes round over the caches with a store, and in each cache over its pages. It drops the
   pages that are clean, and that nobody else holds: a page that a program has mapped, or that is
   being read, written or copied, stays. So the pages that go are those that were passed longest
   ago. The hand stops as soon as it has dropped as many pages as are wanted. It passes a page that
   stays once in a round at most.

   Locks: stored_lock guards the list of caches. The place of the hand in a cache is under the lock
   of the cache. */
#include <fs/vnode.h>
#include <lib/panic.h>
#include "pages.h"

/* The caches with a store; the hand is before the first. */
TAILQ_HEAD(pagecache_ring, pagecache);
static struct pagecache_ring stored = TAILQ_HEAD_INITIALIZER(stored);
static unsigned nstored; /* (stored_lock) */
static struct spinlock stored_lock = SPINLOCK(RANK_PIPE);

void reclaim_add(struct pagecache *cache)
{
    spin_lock(&stored_lock);
    TAILQ_INSERT_TAIL(&stored, cache, stored);
    nstored++;
    spin_unlock(&stored_lock);
}

void reclaim_remove(struct pagecache *cache)
{
    spin_lock(&stored_lock);
    TAILQ_REMOVE(&stored, cache, stored);
    nstored--;
    spin_unlock(&stored_lock);
}

static unsigned count_stored(void)
{
    spin_lock(&stored_lock);
    unsigned count = nstored;
    spin_unlock(&stored_lock);
    return count;
}

/* Moves the hand over a cache. Returns its vnode with a reference; NULL: there is no cache, or its
   vnode is about to be freed, which cannot be done under the lock of the list. */
static struct vnode *next_stored(void)
{
    struct vnode *vnode = NULL;

    spin_lock(&stored_lock);
    struct pagecache *cache = TAILQ_FIRST(&stored);
    if (cache) {
        TAILQ_REMOVE(&stored, cache, stored);
        TAILQ_INSERT_TAIL(&stored, cache, stored);
        if (vnode_get_unless_zero(cache->vnode))
            vnode = cache->vnode;
    }
    spin_unlock(&stored_lock);
    return vnode;
}

/* A page of which the cache alone has a reference is neither mapped nor in use, and stays so,
   because a reference comes only from the cache, under its lock. */
static bool is_spare(const struct frame *frame, unsigned tags)
{
    return !(tags & ~PAGE_ROOM) && frame_refs(frame) == 1;
}

/* Drops at most `want` pages of [*first, end), and moves `first` behind the last. The cache's lock
   is held. */
static uint64_t drop_some(struct pagecache *cache, uint64_t *first, uint64_t end, uint64_t want)
{
    const struct frame *frame;
    uint64_t count = 0;
    unsigned tags;

    assert(cache->store && mutex_is_held(&cache->lock));
    for (; count < want && *first < end; ++*first) {
        if (!(frame = radix_next(&cache->pages, first, end - 1, 0)))
            break;
        radix_look(&cache->pages, *first, &tags);
        if (!is_spare(frame, tags))
            continue;
        pages_drop(cache, *first, *first);
        count++;
    }
    return count;
}

uint64_t pagecache_drop_clean(struct pagecache *cache, uint64_t first, uint64_t end)
{
    mutex_lock(&cache->lock);
    uint64_t count = drop_some(cache, &first, end, UINT64_MAX);
    mutex_unlock(&cache->lock);
    return count;
}

/* Moves the hand over pages of one cache, once around at most. */
static uint64_t reclaim_from(struct pagecache *cache, uint64_t want)
{
    mutex_lock(&cache->lock);
    uint64_t start = cache->hand;
    uint64_t count = drop_some(cache, &cache->hand, UINT64_MAX, want);
    if (count < want) {
        cache->hand = 0;
        count += drop_some(cache, &cache->hand, start, want - count);
    }
    mutex_unlock(&cache->lock);
    return count;
}

/* The list is as long as there are files with a store in memory. */
uint64_t pagecache_reclaim(uint64_t want)
{
    uint64_t count = 0;

    assert(lock_check_none_from(RANK_WALK));
    for (unsigned left = count_stored(); left > 0 && count < want; left--) {
        struct vnode *vnode = next_stored();

        if (!vnode)
            continue;
        count += reclaim_from(vnode->cache, want - count);
        vnode_put(vnode);
    }
    return count;
}
