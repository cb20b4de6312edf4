/* How many pages may be dirty.

   Counted are the pages of caches with a store, because only these wait for a device. The memory
   for files is what is free, and what these caches have. Of it,

       a tenth may be dirty             then the flusher begins at once (flusher.c)
       a fifth may be dirty, or in the  then a thread that would make one more page dirty first
       course of being written          writes pages of its own file back

   So a program that writes faster than its disk runs as fast as the disk, and no other program
   waits for a disk that it does not use: while other files are over the limit, each file may still
   have FILE_LEAST dirty pages. The pages that a device refuses count as clean (writeback.c), so the
   memory for other files stays.

   Several threads may find one page of room at once, so the limit may be passed by one page for
   each thread. The counts themselves are exact: they change with the tags, under the cache's lock,
   and the audit counts the tags again. */
#include <linux/errno.h>
#include <arch/atomic.h>
#include <lib/panic.h>
#include <mm/frame.h>
#include "pages.h"

#define BACKGROUND_PART 10u
#define LIMIT_PART      5u
#define FILE_LEAST      8u

static struct pagecache_counts counts; /* (a) */

struct pagecache_counts pagecache_counts(void)
{
    return (struct pagecache_counts){
        .pages = atomic_load_relaxed(&counts.pages),
        .dirty = atomic_load_relaxed(&counts.dirty),
        .writing = atomic_load_relaxed(&counts.writing),
    };
}

void dirty_count_pages(int64_t npages)
{
    (void)atomic_add_fetch(&counts.pages, npages);
}

void dirty_count_tags(struct pagecache *cache, unsigned tags, int64_t n)
{
    assert(cache->store);
    if (tags & PAGE_DIRTY) {
        cache->ndirty += n;
        (void)atomic_add_fetch(&counts.dirty, n);
    }
    if (tags & PAGE_WRITING)
        (void)atomic_add_fetch(&counts.writing, n);
}

static uint64_t memory_for_files(void)
{
    return frame_usage(FRAME_FREE) + atomic_load_relaxed(&counts.pages);
}

bool dirty_is_over(const struct pagecache *cache)
{
    assert(mutex_is_held(&cache->lock));
    if (cache->ndirty < FILE_LEAST)
        return false;
    uint64_t waiting = atomic_load_relaxed(&counts.dirty) + atomic_load_relaxed(&counts.writing);
    return waiting >= memory_for_files() / LIMIT_PART;
}

bool pagecache_has_many_dirty(void)
{
    return atomic_load_relaxed(&counts.dirty) >= memory_for_files() / BACKGROUND_PART;
}

static bool is_over(struct pagecache *cache)
{
    mutex_lock(&cache->lock);
    bool is_over = cache->store && dirty_is_over(cache);
    mutex_unlock(&cache->lock);
    return is_over;
}

/* Writes all dirty pages of the file, so a writer waits once for many pages. */
int dirty_make_room(struct pagecache *cache)
{
    if (!is_over(cache))
        return 0;
    int err = pagecache_writeback(cache, 0, UINT64_MAX);
    return err && is_over(cache) ? err : 0;
}
