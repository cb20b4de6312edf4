/* The tags of pages, and the list of the caches with dirty pages.

   Lock: list_lock guards the list. */
#include <fs/vnode.h>
#include <lib/panic.h>
#include "pages.h"

/* The caches that hold their vnodes, because they have dirty pages and a store. */
static TAILQ_HEAD(, pagecache) dirty_caches = TAILQ_HEAD_INITIALIZER(dirty_caches);
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
        TAILQ_INSERT_TAIL(&dirty_caches, cache, dirtied);
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
        TAILQ_REMOVE(&dirty_caches, cache, dirtied);
        spin_unlock(&list_lock);
    }
    mutex_unlock(&cache->lock);
    if (goes)
        vnode_put(cache->vnode);
}

struct vnode *dirty_caches_next(void)
{
    struct vnode *vnode = NULL;

    spin_lock(&list_lock);
    struct pagecache *cache = TAILQ_FIRST(&dirty_caches);
    if (cache) {
        TAILQ_REMOVE(&dirty_caches, cache, dirtied);
        TAILQ_INSERT_TAIL(&dirty_caches, cache, dirtied);
        vnode_get(vnode = cache->vnode);
    }
    spin_unlock(&list_lock);
    return vnode;
}

unsigned dirty_caches_count(void)
{
    struct pagecache *cache;
    unsigned count = 0;

    spin_lock(&list_lock);
    TAILQ_FOREACH (cache, &dirty_caches, dirtied)
        count++;
    spin_unlock(&list_lock);
    return count;
}
