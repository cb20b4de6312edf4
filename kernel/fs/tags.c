/* The tags of pages, and the list of the caches with dirty pages.

   Lock: list_lock guards the list. */
#include <fs/vnode.h>
#include <lib/panic.h>
#include "pages.h"

/* The caches that hold their vnodes, because they have dirty pages and a store. */
static TAILQ_HEAD(, dirty_link) dirty_caches = TAILQ_HEAD_INITIALIZER(dirty_caches);
static struct spinlock list_lock = SPINLOCK(RANK_PIPE);

void page_retag(struct pagecache *cache, uint64_t index, unsigned clear, unsigned set)
{
    unsigned tags;

    assert(mutex_is_held(&cache->lock));
    (void)radix_look(&cache->pages, index, &tags);
    radix_retag(&cache->pages, index, clear, set);
    if (!cache->store)
        return;
    dirty_count_tags(cache, tags, -1);
    dirty_count_tags(cache, (tags & ~clear) | set, 1);
}

void page_dirty_locked(struct pagecache *cache, uint64_t index)
{
    unsigned tags;

    assert(mutex_is_held(&cache->lock));
    void *frame = radix_look(&cache->pages, index, &tags);
    assert(frame && !(tags & PAGE_READING));
    if (tags & PAGE_DIRTY)
        return;
    page_retag(cache, index, 0, PAGE_DIRTY);
    if (cache->store && !cache->holds_vnode) {
        cache->holds_vnode = true;
        vnode_get(cache->vnode);
        spin_lock(&list_lock);
        TAILQ_INSERT_TAIL(&dirty_caches, &cache->dirtied, link);
        spin_unlock(&list_lock);
    }
}

void pagecache_dirty_gone(struct pagecache *cache)
{
    mutex_lock(&cache->lock);
    bool goes = cache->holds_vnode && !radix_has(&cache->pages, PAGE_DIRTY | PAGE_WRITING);
    if (goes) {
        cache->holds_vnode = false;
        spin_lock(&list_lock);
        TAILQ_REMOVE(&dirty_caches, &cache->dirtied, link);
        spin_unlock(&list_lock);
    }
    mutex_unlock(&cache->lock);
    if (goes)
        vnode_put(cache->vnode);
}

/* Returns the number of the device to which a cache is written. */
static uint64_t number_of(const struct pagecache *cache)
{
    return S_ISBLK(cache->vnode->mode) ? cache->vnode->rdev : cache->vnode->fs->dev;
}

void dirty_walk_begin(struct dirty_walk *walk, uint64_t number)
{
    *walk = (struct dirty_walk){.number = number};
    spin_lock(&list_lock);
    TAILQ_INSERT_HEAD(&dirty_caches, &walk->place, link);
    TAILQ_INSERT_TAIL(&dirty_caches, &walk->end, link);
    spin_unlock(&list_lock);
}

/* The list is as long as there are files with dirty pages, and threads that go along it. A cache in
   it holds a reference on its vnode. */
struct vnode *dirty_walk_next(struct dirty_walk *walk)
{
    struct vnode *vnode = NULL;

    spin_lock(&list_lock);
    struct dirty_link *next = TAILQ_NEXT(&walk->place, link);
    while (next != &walk->end && !(next->cache && number_of(next->cache) == walk->number))
        next = TAILQ_NEXT(next, link);
    if (next != &walk->end) {
        vnode_get(vnode = next->cache->vnode);
        TAILQ_REMOVE(&dirty_caches, &walk->place, link);
        TAILQ_INSERT_AFTER(&dirty_caches, next, &walk->place, link);
    }
    spin_unlock(&list_lock);
    return vnode;
}

void dirty_walk_end(struct dirty_walk *walk)
{
    spin_lock(&list_lock);
    TAILQ_REMOVE(&dirty_caches, &walk->place, link);
    TAILQ_REMOVE(&dirty_caches, &walk->end, link);
    spin_unlock(&list_lock);
}
