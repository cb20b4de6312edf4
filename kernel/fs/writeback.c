/* Write-back: dirty pages go to the device, or, without a store, count as clean again.

   It goes over the dirty pages of a range in batches. For each batch:

       1. under the cache's lock, each page that is dirty becomes "being written" instead
       2. W is cleared in all entries that show one of them; one walk over the regions for all
       3. the store writes them
       4. under the cache's lock, each page is clean

   A page that the device refuses is clean, too, as on Linux: what it has is lost once it leaves
   memory, and each open file is told by its next fsync. So a disk that fails keeps no memory, and a
   sync ends. A page is dirty again if it was not tried: the thread was killed, or lacked memory.

   A write between 1 and 4 marks its page as dirty again, so the page is written once more. This
   holds for a write through a mapping, because the order is 1, then 2:

       write-back clears W in the entries        a program writes: the fault marks the page, sets W
       write-back takes the mark off: the second write of the program, without a fault, is lost

   The page may change while the device reads it. Then the next write-back writes all of it.

   Locks: `walk` is held over a batch, so there is no truncation meanwhile, and no second write-back
   of these pages. */
#include <linux/errno.h>
#include <arch/atomic.h>
#include <arch/event.h>
#include <fs/vnode.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <vm/vspace.h>
#include "pages.h"

/* The most pages that one walk makes clean. Truncation of the file waits for as many. */
#define BATCH 512u

/* ---- A batch ---- */

/* Step 1. Returns true if there are dirty pages in [*first, *end); then it sets the two to the
   range of those that are being written now. */
static bool batch_begin(struct pagecache *cache, uint64_t *first, uint64_t *end)
{
    unsigned count = 0;
    uint64_t index = *first, last = *first;

    mutex_lock(&cache->lock);
    while (count < BATCH && radix_next(&cache->pages, &index, *end - 1, PAGE_DIRTY)) {
        if (count++ == 0)
            *first = index;
        last = index;
        page_retag(cache, index, PAGE_DIRTY, PAGE_WRITING);
        if (++index == *end)
            break;
    }
    mutex_unlock(&cache->lock);
    *end = last + 1;
    return count;
}

/* Zeroes what programs have written behind the end of the file, in its last page. The cache's lock
   is held. A write that extends the file may be going on behind the size, before the reach. */
static void zero_beyond_end(struct pagecache *cache, uint64_t index, const struct frame *frame)
{
    uint64_t end = cache->reach;

    if (page_index(end) == index)
        memset((char *)frame_to_virt(frame) + end % PAGE_SIZE, 0, page_rest(end));
}

/* Finds the next pages that are being written, from *index on, and takes a reference on each.
   Returns how many. */
static unsigned run_begin(struct pagecache *cache, uint64_t *index, uint64_t end,
                          struct frame **run)
{
    unsigned count = 0;

    mutex_lock(&cache->lock);
    uint64_t next = *index;
    while (count < PAGECACHE_RUN && next < end) {
        struct frame *frame = radix_next(&cache->pages, &next, end - 1, PAGE_WRITING);

        if (!frame || (count && next != *index + count))
            break;
        if (count == 0)
            *index = next;
        frame_get(run[count++] = frame);
        zero_beyond_end(cache, next++, frame);
    }
    mutex_unlock(&cache->lock);
    return count;
}

/* Returns true if an error says nothing of the device, so the pages are to be written later. */
static bool is_not_tried(int err)
{
    return err == -EINTR || err == -ENOMEM;
}

/* Step 4, for some pages. */
static void run_end(struct pagecache *cache, uint64_t first, struct frame **run, unsigned count,
                    int err)
{
    mutex_lock(&cache->lock);
    for (unsigned n = 0; n < count; n++) {
        assert(radix_find(&cache->pages, first + n) == run[n]);
        page_retag(cache, first + n, PAGE_WRITING, is_not_tried(err) ? PAGE_DIRTY : 0);
    }
    if (err && !is_not_tried(err)) {
        cache->write_error = err;
        atomic_store(&cache->write_errors, cache->write_errors + 1);
    }
    mutex_unlock(&cache->lock);
    for (unsigned n = 0; n < count; n++)
        frame_put(run[n]);
}

/* Writes the next dirty pages of [*first, end), and moves `first` behind them. */
static int batch_write(struct pagecache *cache, uint64_t *first, uint64_t end)
{
    struct frame *run[PAGECACHE_RUN];
    uint64_t index = *first;
    unsigned count;
    int err = 0;

    *first = end;
    if (!batch_begin(cache, &index, &end))
        return 0;
    *first = end;
    vspace_clean_pages(cache->mapped, index, end);
    for (; (count = run_begin(cache, &index, end, run)); index += count) {
        int failed = cache->store ? cache->store->write_pages(cache, index, run, count) : 0;

        for (unsigned n = 0; n < count; n++)
            EVENT(page_out, (uint64_t)cache, index + n, frame_to_pfn(run[n]), -failed);

        run_end(cache, index, run, count, failed);
        err = err ? err : failed;
    }
    return err;
}

int pagecache_writeback(struct pagecache *cache, uint64_t first, uint64_t end)
{
    int err = 0;

    assert(lock_check_none_from(RANK_WALK));
    end = min(end, pages_of(atomic_load(&cache->size)));
    while (first < end) {
        int failed = mutex_lock_killable(&cache->walk);
        if (failed)
            return err ? err : failed;
        failed = batch_write(cache, &first, end);
        mutex_unlock(&cache->walk);
        err = err ? err : failed;
    }
    pagecache_dirty_gone(cache);
    return err;
}

int vnode_sync(struct vnode *vnode, uint64_t start, uint64_t end, enum vnode_sync how)
{
    int err = 0;

    if (vnode->cache)
        err = pagecache_writeback(vnode->cache, start >> PAGE_SHIFT,
                                  (end >> PAGE_SHIFT) + (end % PAGE_SIZE > 0));
    int failed = vnode->ops->sync ? vnode->ops->sync(vnode, how) : 0;
    return err ? err : failed;
}

/* ---- The files of a device ---- */

/* A cache that becomes dirty now comes behind the end. */
int pagecache_writeback_device(uint64_t number)
{
    struct dirty_walk walk;
    struct vnode *vnode;
    int err = 0, failed = 0;

    dirty_walk_begin(&walk, number);
    while (failed != -EINTR && (vnode = dirty_walk_next(&walk))) {
        failed = pagecache_writeback(vnode->cache, 0, UINT64_MAX);
        vnode_put(vnode);
        err = err ? err : failed;
    }
    dirty_walk_end(&walk);
    return err;
}

/* ---- Errors ---- */

unsigned pagecache_errors_seen(const struct pagecache *cache)
{
    return atomic_load(&cache->write_errors);
}

int pagecache_take_error(struct pagecache *cache, unsigned *seen)
{
    mutex_lock(&cache->lock);
    int err = *seen != cache->write_errors ? cache->write_error : 0;
    *seen = cache->write_errors;
    mutex_unlock(&cache->lock);
    return err;
}
