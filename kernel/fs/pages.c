/* One page of a cache: it is found, or read from the store.

   The thread that needs a page has the store fill its frame, without any lock of the cache. Other
   threads that need the page find it PAGE_READING, and wait:

       thread 1 finds the page being read, under the lock
                                                  thread 2 has read it, changes the tag, and wakes
       thread 1 sleeps

   Thread 1 reads `changes` before it looks. Thread 2 counts a change after the tag is gone, so
   thread 1 does not sleep. */
#include <linux/errno.h>
#include <arch/atomic.h>
#include <arch/event.h>
#include <lib/panic.h>
#include <sched/thread.h>
#include <sched/waitq.h>
#include "heldback.h"
#include "pages.h"

static uint64_t cached_pages; /* (a) frames in the caches without a store */

void page_count(struct pagecache *cache, int64_t n)
{
    atomic_store_relaxed(&cache->npages, cache->npages + n);
    if (cache->store)
        dirty_count_pages(n);
    else
        (void)atomic_add_fetch(&cached_pages, n);
}

uint64_t pagecache_pages(void)
{
    return atomic_load_relaxed(&cached_pages);
}

/* ---- Dropping ---- */

static void drop_frame(void *frame, void *cache)
{
    page_count(cache, -1);
    frame_put(frame);
}

void pages_drop(struct pagecache *cache, uint64_t first, uint64_t last)
{
    assert(mutex_is_held(&cache->lock));
    for (uint64_t index = first; cache->ndirty > 0; index++) {
        if (index > last || !radix_next(&cache->pages, &index, last, PAGE_DIRTY))
            break;
        page_retag(cache, index, PAGE_DIRTY, 0);
    }
    radix_remove(&cache->pages, first, last, drop_frame, cache);
}

/* ---- Waiting ---- */

static uint64_t changes_of(struct pagecache *cache)
{
    spin_lock(&cache->wait_lock);
    uint64_t changes = cache->changes;
    spin_unlock(&cache->wait_lock);
    return changes;
}

void pagecache_wake(struct pagecache *cache)
{
    spin_lock(&cache->wait_lock);
    cache->changes++;
    waitq_wake_all(&cache->waiters);
    spin_unlock(&cache->wait_lock);
}

/* Sleeps until there has been a change after `seen`. -EINTR: the thread is to be killed. */
static int change_await(struct pagecache *cache, uint64_t seen)
{
    int err = 0;

    spin_lock(&cache->wait_lock);
    while (cache->changes == seen && !err)
        err = waitq_sleep_holding(&cache->waiters, &cache->wait_lock, UINT64_MAX);
    spin_unlock(&cache->wait_lock);
    return err;
}

/* ---- Reading ---- */

static int page_insert(struct pagecache *cache, uint64_t index, struct frame *frame, unsigned tags)
{
    assert(mutex_is_held(&cache->lock));
    if (!frame)
        return -ENOMEM;
    int err = radix_insert(&cache->pages, index, frame, tags);
    if (err)
        frame_put(frame);
    else
        page_count(cache, 1);
    return err;
}

/* Puts frames that are being read where no pages are, from `first` on, and returns how many. The
   caller has a reference on each. The cache's lock is held. */
static unsigned reads_begin(struct pagecache *cache, uint64_t first, unsigned most,
                            struct frame **run)
{
    unsigned count = 0;

    for (; count < most && !radix_find(&cache->pages, first + count); count++) {
        run[count] = frame_alloc(FRAME_CACHE);
        if (page_insert(cache, first + count, run[count], PAGE_READING))
            break;
        frame_get(run[count]);
    }
    return count;
}

/* Pages that a truncation has dropped meanwhile are no longer in the cache. */
static void reads_end(struct pagecache *cache, uint64_t first, unsigned count, struct frame **run,
                      int err)
{
    mutex_lock(&cache->lock);
    for (unsigned n = 0; n < count; n++) {
        if (radix_find(&cache->pages, first + n) != run[n])
            continue;
        if (err)
            pages_drop(cache, first + n, first + n);
        else
            radix_retag(&cache->pages, first + n, PAGE_READING, 0);
    }
    /* The threads that wait try again after any other error. If one of several pages cannot be
       read, the others may be. */
    if (err == -EIO && count == 1) {
        cache->failures++;
        cache->failure = err;
        cache->failed_page = first;
    }
    mutex_unlock(&cache->lock);
    pagecache_wake(cache);
    for (unsigned n = 0; n < count; n++)
        frame_put(run[n]);
}

/* Reads absent pages. The cache's lock is held, and released meanwhile. */
static int read_absent(struct pagecache *cache, uint64_t first, unsigned most)
{
    struct frame *run[PAGECACHE_RUN];
    unsigned count = reads_begin(cache, first, most, run);
    int err = -ENOMEM;

    mutex_unlock(&cache->lock);
    if (count) {
        err = cache->store->read_pages(cache, first, run, count);
        for (unsigned n = 0; n < count; n++)
            EVENT(page_in, (uint64_t)cache, first + n, frame_to_pfn(run[n]), -err);
        reads_end(cache, first, count, run, err);
    }
    mutex_lock(&cache->lock);
    return err;
}

/* Waits for a page that another thread reads. The cache's lock is held, and released meanwhile. */
static int read_await(struct pagecache *cache, uint64_t index, uint64_t seen)
{
    unsigned failures = cache->failures;

    mutex_unlock(&cache->lock);
    int err = change_await(cache, seen);
    mutex_lock(&cache->lock);
    bool failed = cache->failures != failures && index == cache->failed_page &&
                  !radix_find(&cache->pages, index);
    return !err && failed ? cache->failure : err;
}

static int store_make_room(struct pagecache *cache, uint64_t index)
{
    uint64_t start = index << PAGE_SHIFT;

    return cache->store->make_room ? cache->store->make_room(cache, start, start + PAGE_SIZE) : 0;
}

/* Returns true if the page still has this frame, and sets *reaches. */
static bool has_frame(struct pagecache *cache, uint64_t index, const struct frame *frame,
                      uint64_t *reaches)
{
    mutex_lock(&cache->lock);
    bool has = radix_find(&cache->pages, index) == frame;
    *reaches = cache->reaches;
    mutex_unlock(&cache->lock);
    return has;
}

/* Has the store make room for a page, on whose frame the caller has a reference. The file may
   change its reach meanwhile, and the room be too small, so the next look finds no room.

   The page is dirty at once, because new room has any contents. If the thread were killed before
   it wrote the page, a page that stayed clean would be dropped, and those contents be read.

   `walk` is held, so that the page is not taken away meanwhile. Otherwise this could happen:

       a fault asks for room for a page      the page is punched out, and its room is given back
       it gets room with old contents        a read of the page, which is absent, finds them */
static int room_make(struct pagecache *cache, uint64_t index, struct frame *frame)
{
    uint64_t reaches;

    int err = mutex_lock_killable(&cache->walk);
    if (err)
        return err;
    err = has_frame(cache, index, frame, &reaches) ? store_make_room(cache, index) : -EAGAIN;
    if (!err) {
        mutex_lock(&cache->lock);
        page_dirty_locked(cache, index);
        if (cache->reaches == reaches)
            radix_retag(&cache->pages, index, 0, PAGE_ROOM);
        mutex_unlock(&cache->lock);
    }
    mutex_unlock(&cache->walk);
    return err == -EAGAIN ? 0 : err;
}

/* The page is "being read" until it has room, so nobody sees it before it is dirty. */
int page_put(struct pagecache *cache, uint64_t index, struct frame *frame)
{
    assert(mutex_is_held(&cache->vnode->lock));
    mutex_lock(&cache->lock);
    bool is_there = radix_find(&cache->pages, index);
    if (!is_there)
        frame_get(frame);
    int err = is_there ? 0 : page_insert(cache, index, frame, PAGE_READING);
    mutex_unlock(&cache->lock);
    if (is_there || err)
        return err;
    err = store_make_room(cache, index);
    mutex_lock(&cache->lock);
    if (err) {
        pages_drop(cache, index, index);
    } else {
        radix_retag(&cache->pages, index, PAGE_READING, 0);
        page_dirty_locked(cache, index);
    }
    mutex_unlock(&cache->lock);
    pagecache_wake(cache);
    return err ? err : 1;
}

/* ---- Finding ---- */

/* Returns true if the page is being taken away. */
static bool is_in_gap(const struct pagecache *cache, uint64_t index)
{
    return index >= cache->gap_first && index < cache->gap_end;
}

/* Returns true if the page is to have room, and has none. */
static bool lacks_room(const struct pagecache *cache, unsigned tags, unsigned want)
{
    return (want & WANT_ROOM) && cache->store && cache->store->make_room && !(tags & PAGE_ROOM);
}

/* Returns true if the page is about to become dirty, and too many are. */
static bool is_one_too_many(const struct pagecache *cache, unsigned tags, unsigned want)
{
    return (want & WANT_DIRTY) && !(tags & PAGE_DIRTY) && dirty_is_over(cache);
}

int page_find_locked(struct pagecache *cache, uint64_t index, unsigned want, struct frame **result)
{
    bool is_beyond = index >= pages_of(cache->size);
    struct frame *frame;
    unsigned tags = 0;
    int err = 0;

    assert(mutex_is_held(&cache->lock));
    if (is_in_gap(cache, index))
        return -EAGAIN;
    if (is_beyond && !(want & WANT_BEYOND))
        return -ENXIO;
    frame = radix_look(&cache->pages, index, &tags);
    if (!frame && cache->store && !is_beyond)
        return -EAGAIN;
    if (!frame)
        err = page_insert(cache, index, frame = frame_alloc_zeroed(FRAME_CACHE), 0);
    else if (tags & PAGE_READING)
        err = -EAGAIN;
    else if (!cache->store && (tags & PAGE_NEW))
        radix_retag(&cache->pages, index, PAGE_NEW, 0);
    if (!err && (lacks_room(cache, tags, want) || is_one_too_many(cache, tags, want)))
        err = -EAGAIN;
    *result = frame;
    return err;
}

/* Reads page `index`, which is absent, for a fault, and perhaps those behind it. If one of several
   pages cannot be read, the fault looks again. The reader is elsewhere then, so it gets one
   page. */
static int read_for_fault(struct pagecache *cache, uint64_t index)
{
    unsigned count = min(readahead_count(&cache->faults, index, 1), pages_of(cache->size) - index);
    int err = read_absent(cache, index, count);

    return err == -EIO && count > 1 ? 0 : err;
}

int page_make_ready(struct pagecache *cache, uint64_t index, unsigned want)
{
    struct frame *roomless = NULL;
    bool is_beyond;
    unsigned tags;
    int err = 0;

    assert(lock_check_none_from(RANK_WALK));
    mutex_lock(&cache->lock);
    uint64_t seen = changes_of(cache);
    struct frame *frame = radix_look(&cache->pages, index, &tags);
    is_beyond = index >= pages_of(cache->size);
    if (heldback_is(cache->vnode) || is_in_gap(cache, index) || (frame && (tags & PAGE_READING)))
        err = read_await(cache, index, seen);
    else if (!frame && cache->store && !is_beyond)
        err = want & WANT_AHEAD ? read_for_fault(cache, index) : read_absent(cache, index, 1);
    else if (frame && lacks_room(cache, tags, want))
        frame_get(roomless = frame);
    mutex_unlock(&cache->lock);
    if (roomless) {
        err = room_make(cache, index, roomless);
        frame_put(roomless);
    }
    return !err && (want & WANT_DIRTY) ? dirty_make_room(cache) : err;
}

int page_get(struct pagecache *cache, uint64_t index, unsigned want, struct frame **frame)
{
    int err;

    do {
        mutex_lock(&cache->lock);
        err = page_find_locked(cache, index, want, frame);
        if (!err)
            frame_get(*frame);
        mutex_unlock(&cache->lock);
    } while (err == -EAGAIN && !(err = page_make_ready(cache, index, want)));
    return err;
}

void page_read_ahead(struct pagecache *cache, uint64_t first, uint64_t count)
{
    mutex_lock(&cache->lock);
    uint64_t end = pages_of(cache->size);
    count = min(count, PAGECACHE_RUN);
    if (first < end && cache->store)
        (void)read_absent(cache, first, min(count, end - first));
    mutex_unlock(&cache->lock);
}

void pagecache_fetch(struct pagecache *cache, uint64_t first, uint64_t end)
{
    int err = 0;

    mutex_lock(&cache->lock);
    while (!err && !thread_is_killed() && cache->store && pagecache_room() > PAGECACHE_RUN) {
        end = min(end, pages_of(cache->size));
        while (first < end && radix_find(&cache->pages, first))
            first++;
        if (first >= end)
            break;
        err = read_absent(cache, first, min(end - first, PAGECACHE_RUN));
    }
    mutex_unlock(&cache->lock);
}
