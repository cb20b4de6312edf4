/* The pages of a cache: finding one, and making it ready (pages.c); dirty ones (tags.c). */
#pragma once

#include <fs/pagecache.h>

/* The tags of a page in `pagecache.pages`. */
#define PAGE_DIRTY   1u /* written since the last write-back */
#define PAGE_WRITING 2u /* being written by the store */
#define PAGE_READING 4u /* being read by the store: no contents yet, and no other tag */
#define PAGE_NEW     8u /* without a store: fallocate(2) has made it, and no program has used it */
#define PAGE_ROOM    8u /* the store has room for the whole of it before `reach` */

/* What a page is to be. */
#define WANT_ROOM   1u /* ready to be written */
#define WANT_BEYOND 2u /* it may lie beyond the end of the file */
#define WANT_DIRTY  4u /* about to become dirty, so the limits of dirty.c hold */
#define WANT_AHEAD  8u /* a fault needs it, so more may be read (fs/readahead.h) */

static inline uint64_t page_index(uint64_t offset)
{
    return offset >> PAGE_SHIFT;
}

/* Returns how many pages the first `size` bytes of a file touch. */
static inline uint64_t pages_of(uint64_t size)
{
    return page_index(size + PAGE_SIZE - 1);
}

/* Finds the frame of page `index`, without a reference. A hole gets a frame. -EAGAIN:
   page_make_ready first; -ENXIO: beyond the end; -ENOMEM. The cache's lock is held. */
__must_check int page_find_locked(struct pagecache *cache, uint64_t index, unsigned want,
                                  struct frame **frame);

/* Reads the page, or waits until it is read, or makes room for it. So the next look may find it
   ready. -EINTR, -EIO, -ENOMEM, -ENOSPC, -EDQUOT. The caller holds no lock of RANK_WALK or above.
   */
__must_check int page_make_ready(struct pagecache *cache, uint64_t index, unsigned want);

/* Finds the frame of page `index`, and takes a reference on it. Makes the page ready if need be. */
__must_check int page_get(struct pagecache *cache, uint64_t index, unsigned want,
                          struct frame **frame);

/* Puts `frame`, which has all that page `index` is to have, where no page is, with room. The page
   is dirty then. Returns 1; 0: there is a page. -ENOMEM, and the errors of make_room. The caller
   has a reference on the frame, which it keeps, and the vnode's lock. */
__must_check int page_put(struct pagecache *cache, uint64_t index, struct frame *frame);

/* Reads up to `count` pages from `first` on together, if the first one is absent. An error shows
   when a page is asked for. */
void page_read_ahead(struct pagecache *cache, uint64_t first, uint64_t count);

/* Counts `n` frames that have come into the cache. The cache's lock is held. */
void page_count(struct pagecache *cache, int64_t n);

/* Takes the tags `clear` from page `index`, which is present, and gives it the tags `set`; counts
   dirty pages. All changes of PAGE_DIRTY and PAGE_WRITING are made here. The cache's lock is
   held. */
void page_retag(struct pagecache *cache, uint64_t index, unsigned clear, unsigned set);

/* Drops the pages [first, last], dirty or not. None is being written. The cache's lock is held. */
void pages_drop(struct pagecache *cache, uint64_t first, uint64_t last);

/* Marks page `index`, which is present, as dirty. The cache's lock is held. */
void page_dirty_locked(struct pagecache *cache, uint64_t index);

/* A way along the caches of a device that have dirty pages and a store. Its places are in the list
   of all such caches, because other threads change it meanwhile, and go along it, too. */
struct dirty_walk {
    uint64_t number; /* of the device */
    struct dirty_link place, end;
};

void dirty_walk_begin(struct dirty_walk *walk, uint64_t number);
void dirty_walk_end(struct dirty_walk *walk);

/* Moves behind the next cache that was in the list at the begin. Returns its vnode with a
   reference; NULL: there is none. */
struct vnode *dirty_walk_next(struct dirty_walk *walk);

/* Counts pages of caches with a store: in all, dirty, being written (dirty.c). */
void dirty_count_pages(int64_t npages);
void dirty_count_tags(struct pagecache *cache, unsigned tags, int64_t n);

/* Returns true if the cache is to write pages back before one more becomes dirty. Its lock is
   held. */
bool dirty_is_over(const struct pagecache *cache);

/* Writes pages of the cache back if too many are dirty in the machine. The caller holds no lock of
   RANK_WALK or above. -EIO, -ENOSPC, -EINTR: no page became clean. */
__must_check int dirty_make_room(struct pagecache *cache);

/* A cache with a store has been made, or is about to be freed (reclaim.c). */
void reclaim_add(struct pagecache *cache);
void reclaim_remove(struct pagecache *cache);

/* To be called when dirty pages may have gone. The caller has a reference on the vnode, and holds
   no lock of RANK_CACHE or above. */
void pagecache_dirty_gone(struct pagecache *cache);
