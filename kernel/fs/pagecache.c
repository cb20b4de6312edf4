/* The page cache: reading, writing, truncating and mapping the pages of a file.

   A copy to or from user memory may fault, and the fault may need this very cache: a program may
   write a file from a mapping of the same file. So each page is copied without the lock: lock, take
   the frame with a reference, unlock, copy, put. If the page is truncated meanwhile, the reference
   keeps the frame until the copy has ended. */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <arch/atomic.h>
#include <fs/vnode.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <sched/thread.h>
#include <vm/audit.h>
#include <vm/vspace.h>
#include "heldback.h"
#include "pages.h"

/* All caches, for the audit. */
LIST_HEAD(pagecache_list, pagecache);
static struct pagecache_list pagecaches = LIST_HEAD_INITIALIZER(pagecaches);
static struct spinlock pagecaches_lock = SPINLOCK(RANK_PIPE);

/* Returns the address of the file's byte at `offset`, which lies in `frame`. */
static char *byte_in_frame(const struct frame *frame, uint64_t offset)
{
    return (char *)frame_to_virt(frame) + offset % PAGE_SIZE;
}

/* ---- The end of the file ---- */

/* Sets the end of what may have room. The page at the old end has no room for what is new in it. */
static void reach_set_locked(struct pagecache *cache, uint64_t reach)
{
    uint64_t old = cache->reach;

    assert(mutex_is_held(&cache->lock) && reach >= cache->size);
    if (reach == old)
        return;
    atomic_store(&cache->reach, reach);
    cache->reaches++;
    if (cache->store && reach > old && radix_find(&cache->pages, page_index(old)))
        radix_retag(&cache->pages, page_index(old), PAGE_ROOM, 0);
}

/* Sets the size, and the reach to it. */
static void size_set_locked(struct pagecache *cache, uint64_t size)
{
    atomic_store(&cache->size, size);
    reach_set_locked(cache, size);
}

uint64_t pagecache_reach(const struct pagecache *cache)
{
    return atomic_load(&cache->reach);
}

void pagecache_set_size(struct pagecache *cache, uint64_t size)
{
    mutex_lock(&cache->lock);
    size_set_locked(cache, size);
    mutex_unlock(&cache->lock);
}

/* Ends a reach beyond the size. */
static void reach_reset(struct pagecache *cache)
{
    mutex_lock(&cache->lock);
    reach_set_locked(cache, cache->size);
    mutex_unlock(&cache->lock);
}

/* Lets the file reach to `reach` before it becomes so long. A program may already be able to write
   the page at the old end through a mapping:

       the file grows within its last page     the program writes what is new in the page, and no
                                               fault asks for room

   So W is cleared in the entries of that page. -EINTR: the thread is to be killed, and the reach is
   as before. */
static __must_check int reach_extend(struct pagecache *cache, uint64_t reach)
{
    mutex_lock(&cache->lock);
    uint64_t old = cache->reach;
    if (reach > old)
        reach_set_locked(cache, reach);
    mutex_unlock(&cache->lock);
    if (reach <= old || old % PAGE_SIZE == 0 || !cache->store || !cache->store->make_room)
        return 0;
    int err = mutex_lock_killable(&cache->walk);
    if (err) {
        reach_reset(cache);
        return err;
    }
    vspace_clean_pages(cache->mapped, page_index(old), page_index(old) + 1);
    mutex_unlock(&cache->walk);
    return 0;
}

/* Returns true if fallocate(2) has made the page, and no program has used it. It is all zeros. */
static bool is_new(const struct pagecache *cache, unsigned tags)
{
    return !cache->store && (tags & PAGE_NEW);
}

/* Finds the first page in [*index, last] that is not new. Each one that is new costs a step. */
static bool next_used(const struct pagecache *cache, uint64_t *index, uint64_t last)
{
    unsigned tags;

    for (; radix_next(&cache->pages, index, last, 0); ++*index) {
        radix_look(&cache->pages, *index, &tags);
        if (!is_new(cache, tags))
            return true;
    }
    return false;
}

/* Zeroes the rest of the last page, and drops a page beyond it that was not written. What
   fallocate(2) has made there stays. The cache's lock is held. */
static void trim_locked(struct pagecache *cache)
{
    uint64_t index = pages_of(cache->size);

    assert(mutex_is_held(&cache->lock));
    for (; next_used(cache, &index, UINT64_MAX); index++)
        pages_drop(cache, index, index);
    struct frame *last = radix_find(&cache->pages, page_index(cache->size));
    if (last)
        memset(byte_in_frame(last, cache->size), 0, page_rest(cache->size));
}

static void trim(struct pagecache *cache)
{
    mutex_lock(&cache->lock);
    trim_locked(cache);
    mutex_unlock(&cache->lock);
    pagecache_dirty_gone(cache);
}

/* So many pages are given up at once for files that need memory: two runs of read-ahead. */
#define RECLAIM_BATCH (2 * PAGECACHE_RUN)

/* Makes room in memory, if files may not take more of it. So a program that reads or writes more
   than fits is slowed down by the disk. What cannot be written back is told by fsync(2).

   Write-back takes the lock of the file system. So this is called by reads, writes and faults
   alone, which hold at most the lock of a vnode, and never by a store or below a lock of one. */
static void make_memory(struct pagecache *cache)
{
    assert(lock_check_none_from(RANK_WALK));
    if (!pagecache_is_full() || pagecache_reclaim(RECLAIM_BATCH))
        return;
    (void)pagecache_writeback(cache, 0, UINT64_MAX);
    (void)pagecache_reclaim(RECLAIM_BATCH);
}

/* ---- Reading ---- */

/* Returns the frame of page `index` with a reference, or NULL for a hole. */
static struct frame *peek_page(struct pagecache *cache, uint64_t index)
{
    mutex_lock(&cache->lock);
    struct frame *frame = radix_find(&cache->pages, index);
    if (frame)
        frame_get(frame);
    mutex_unlock(&cache->lock);
    return frame;
}

/* Reads a page that is absent, with the `asked` - 1 pages behind it, or with more. */
static void read_missing(struct pagecache *cache, uint64_t index, uint64_t asked,
                         struct readahead *reader)
{
    make_memory(cache);
    if (reader)
        asked = readahead_count(reader, index, asked);
    if (asked > 1) /* else the caller reads it, and gets the error */
        page_read_ahead(cache, index, asked);
}

/* Finds the frame of page `index` for read(2), with a reference; NULL for a hole, or beyond the
   end. The reader, which may be NULL, is to get `len` bytes from the start of the page on. A page
   that is there and ready, as most are, takes one look. */
static int get_page_for_read(struct pagecache *cache, uint64_t index, size_t len,
                             struct readahead *reader, struct frame **frame)
{
    if (!cache->store) {
        *frame = peek_page(cache, index);
        return 0;
    }
    mutex_lock(&cache->lock);
    int err = page_find_locked(cache, index, 0, frame);
    bool is_absent = err == -EAGAIN && !radix_find(&cache->pages, index);
    if (!err)
        frame_get(*frame);
    mutex_unlock(&cache->lock);
    if (is_absent)
        read_missing(cache, index, pages_of(len), reader);
    if (err == -EAGAIN)
        err = page_get(cache, index, 0, frame);
    if (err == -ENXIO)
        *frame = NULL;
    return err == -ENXIO ? 0 : err;
}

/* Reads within the page of `offset`. Returns the bytes moved; 0 at the end of the file or of the
   uio. */
static size_t read_page(struct pagecache *cache, struct uio *uio, uint64_t offset, int *err)
{
    uint64_t size = atomic_load(&cache->size);
    struct frame *frame;
    size_t moved;

    if (offset >= size || uio->left == 0)
        return 0;
    size_t len = min(uio->left, size - offset);
    *err =
        get_page_for_read(cache, page_index(offset), offset % PAGE_SIZE + len, uio->reader, &frame);
    if (*err)
        return 0;
    len = min(len, page_rest(offset));
    if (frame) {
        moved = uio_put(uio, byte_in_frame(frame, offset), len);
        frame_put(frame);
    } else {
        moved = uio_put_zeros(uio, len);
    }
    if (moved < len)
        *err = -EFAULT;
    return moved;
}

ssize_t pagecache_read(struct pagecache *cache, struct uio *uio, uint64_t offset)
{
    size_t done = 0, moved;
    int err = 0;

    do {
        moved = read_page(cache, uio, offset + done, &err);
        done += moved;
    } while (moved && !err && !thread_is_killed());
    return uio_result(done, err);
}

ssize_t pagecache_read_kernel(struct pagecache *cache, uint64_t offset, void *buf, size_t len)
{
    struct uio uio;

    uio_init_kernel(&uio, buf, len);
    return pagecache_read(cache, &uio, offset);
}

/* ---- Writing ---- */

/* Finds the frame of the page of `offset`, and room for a part of the page, of at most *len bytes
   from `offset` on. Sets *len to the length of the part. -ENOSPC: not even a part has room. */
static int get_part_for_write(struct pagecache *cache, uint64_t offset, size_t *len,
                              struct frame **frame)
{
    uint64_t end = offset + *len;
    int err = page_get(cache, page_index(offset), WANT_BEYOND | WANT_DIRTY, frame);

    if (err)
        return err;
    while ((err = cache->store->make_room(cache, offset, end)) == -ENOSPC) {
        end = (end - 1) & ~(uint64_t)(PAGECACHE_PART - 1);
        if (end <= offset)
            break;
    }
    if (err) {
        frame_put(*frame);
        return err;
    }
    mutex_lock(&cache->lock);
    page_dirty_locked(cache, page_index(offset));
    mutex_unlock(&cache->lock);
    *len = end - offset;
    return 0;
}

/* Finds the frame of the page of `offset`, which may lie beyond the end, for a write of *len bytes
   within the page. Takes a reference on it. Sets *len to less if there is room for less. */
static int get_page_for_write(struct pagecache *cache, uint64_t offset, size_t *len,
                              struct frame **frame)
{
    uint64_t index = page_index(offset);

    if (cache->store) {
        make_memory(cache);
        int failed = page_get(cache, index, WANT_ROOM | WANT_BEYOND | WANT_DIRTY, frame);
        return failed == -ENOSPC ? get_part_for_write(cache, offset, len, frame) : failed;
    }
    mutex_lock(&cache->lock);
    bool refused = !radix_find(&cache->pages, index) && pagecache_is_full();
    int err = refused ? -ENOSPC : page_find_locked(cache, index, WANT_BEYOND, frame);
    if (!err)
        frame_get(*frame);
    mutex_unlock(&cache->lock);
    return err;
}

/* Notes that bytes have been written up to `end`, in the page before it. The page is dirty only
   now: if it were marked before the copy, a write-back in between would take the mark off. It has
   not been dropped meanwhile, because the writer has a reference on it, and the vnode's lock. */
static void written(struct pagecache *cache, uint64_t end)
{
    mutex_lock(&cache->lock);
    if (end > cache->size)
        atomic_store(&cache->size, end);
    if (cache->store)
        page_dirty_locked(cache, page_index(end - 1));
    mutex_unlock(&cache->lock);
}

/* Writes `len` bytes within a page, which is read first if need be: those in `from`, or, if it is
   NULL, those of the uio. Returns the bytes moved. */
static size_t write_in_page(struct pagecache *cache, struct uio *uio, const struct frame *from,
                            uint64_t offset, size_t len, int *err)
{
    struct frame *frame;
    size_t moved = len;

    *err = get_page_for_write(cache, offset, &len, &frame);
    if (*err)
        return 0;
    moved = min(moved, len);
    if (from)
        memcpy(byte_in_frame(frame, offset), byte_in_frame(from, offset), moved);
    else
        moved = uio_get(uio, byte_in_frame(frame, offset), len);
    if (moved)
        written(cache, offset + moved);
    else
        *err = -EFAULT;
    frame_put(frame);
    return moved;
}

/* Returns true if a write replaces all that the file has in a page, and the page is on the device
   alone: then it need not be read. */
static bool is_replaced(struct pagecache *cache, uint64_t offset, size_t len)
{
    uint64_t size = cache->size;

    if (!cache->store || offset % PAGE_SIZE || offset >= size ||
        (len < PAGE_SIZE && offset + len < size))
        return false;
    mutex_lock(&cache->lock);
    bool is_absent = !radix_find(&cache->pages, page_index(offset));
    mutex_unlock(&cache->lock);
    return is_absent;
}

/* Writes a page that is replaced. The bytes are moved to a frame of their own first, so no program
   sees what was in the frame, and the move may fault on this very page:

       it moves a part of the bytes, or none       the page is read, and gets this part
       it faults on the page, which is read        the page is there, and gets the bytes
       there is no room for the whole page         the page is read, and gets a part
*/
static size_t replace_page(struct pagecache *cache, struct uio *uio, uint64_t offset, size_t len,
                           int *err)
{
    make_memory(cache);
    *err = dirty_make_room(cache);
    if (*err)
        return 0;
    struct frame *frame =
        len < PAGE_SIZE ? frame_alloc_zeroed(FRAME_CACHE) : frame_alloc(FRAME_CACHE);
    if (!frame) {
        *err = -ENOMEM;
        return 0;
    }
    size_t moved = uio_get(uio, frame_to_virt(frame), len);
    int put = moved == len ? page_put(cache, page_index(offset), frame) : 0;
    if (moved == 0)
        *err = -EFAULT;
    else if (put == 1)
        written(cache, offset + moved);
    else if (put == 0 || put == -ENOSPC) {
        size_t taken = moved;
        moved = write_in_page(cache, uio, frame, offset, taken, err);
        if (moved < taken)
            uio->left = 0; /* what follows in the uio is not what follows in the file */
    } else
        *err = put;
    frame_put(frame);
    return *err ? 0 : moved;
}

/* Writes within the page of `offset`, and extends the file. Returns the bytes moved. Fewer than
   asked for are no error yet: the rest may lie in a mapping of the file, which has just grown. */
static size_t write_page(struct pagecache *cache, struct uio *uio, uint64_t offset, int *err)
{
    size_t len = min(page_rest(offset), uio->left);

    if (len == 0)
        return 0;
    if (is_replaced(cache, offset, len))
        return replace_page(cache, uio, offset, len, err);
    return write_in_page(cache, uio, NULL, offset, len, err);
}

/* Returns -ENOSPC for -ENOMEM, because a file system in memory without a free frame is a full
   disk. */
static int write_error(const struct pagecache *cache, int err)
{
    return err == -ENOMEM && !cache->store ? -ENOSPC : err;
}

ssize_t pagecache_write(struct pagecache *cache, struct uio *uio, uint64_t offset)
{
    size_t done = 0, moved;
    int err = 0;

    assert(mutex_is_held(&cache->vnode->lock));
    if (uio->left == 0)
        return 0;
    if (offset >= PAGECACHE_MAX_SIZE)
        return -EFBIG;
    uio->left = min(uio->left, PAGECACHE_MAX_SIZE - offset);

    if (offset > cache->size)
        trim(cache); /* a program may have written behind the end through a mapping */
    err = reach_extend(cache, offset + uio->left);
    if (err)
        return err;
    do {
        moved = write_page(cache, uio, offset + done, &err);
        done += moved;
    } while (moved && !err && !thread_is_killed());
    reach_reset(cache);
    if (err)
        trim(cache); /* drops a page beyond the end that was not written */
    return uio_result(done, write_error(cache, err));
}

/* ---- Taking pages away ---- */

/* Begins a gap, in which no fault gets a page. Faults on pages in the gap wait. */
static void gap_begin_locked(struct pagecache *cache, uint64_t first, uint64_t end)
{
    assert(mutex_is_held(&cache->lock) && mutex_is_held(&cache->walk));
    cache->gap_first = first;
    cache->gap_end = end;
}

static void gap_end_locked(struct pagecache *cache)
{
    assert(mutex_is_held(&cache->lock) && mutex_is_held(&cache->walk));
    pages_drop(cache, cache->gap_first, cache->gap_end - 1);
    cache->gap_first = cache->gap_end = 0;
}

/* Cuts the file off. `last` is the new last page, where it is cut off within one and there is a
   store; its rest becomes zeros on the device, too. Without the gap, this could happen:

       the file is short now                a write to a page beyond the end fails
       the pages leave all mappings         a read of the page, before that, still finds it
*/
static int cut_off(struct pagecache *cache, uint64_t size, const struct frame *last)
{
    int err = mutex_lock_killable(&cache->walk);

    if (err)
        return err;
    mutex_lock(&cache->lock);
    size_set_locked(cache, size);
    gap_begin_locked(cache, pages_of(size), UINT64_MAX);
    mutex_unlock(&cache->lock);
    vspace_forget_pages(cache->mapped, pages_of(size), UINT64_MAX);
    mutex_lock(&cache->lock);
    trim_locked(cache);
    if (last)
        page_dirty_locked(cache, page_index(size));
    gap_end_locked(cache);
    mutex_unlock(&cache->lock);
    mutex_unlock(&cache->walk);
    pagecache_wake(cache);
    return 0;
}

int pagecache_truncate(struct pagecache *cache, uint64_t size)
{
    struct frame *last = NULL;
    int err = 0;

    assert(mutex_is_held(&cache->vnode->lock));
    if (size > PAGECACHE_MAX_SIZE)
        return -EFBIG;
    if (cache->store && size < cache->size && size % PAGE_SIZE)
        err = page_get(cache, page_index(size), 0, &last);
    if (err)
        return err;
    if (size <= cache->size) /* what fallocate(2) has made behind the end goes, too */
        err = cut_off(cache, size, last);
    else
        trim(cache);
    if (last)
        frame_put(last);
    pagecache_dirty_gone(cache);
    if (!err)
        err = reach_extend(cache, size);
    if (!err)
        pagecache_set_size(cache, size);
    return err;
}

/* Zeroes the bytes [start, end), which lie in one page. */
static void zero_in_page(struct pagecache *cache, uint64_t start, uint64_t end)
{
    mutex_lock(&cache->lock);
    struct frame *frame = radix_find(&cache->pages, page_index(start));
    if (frame)
        memset(byte_in_frame(frame, start), 0, end - start);
    mutex_unlock(&cache->lock);
}

/* Makes a hole of whole pages. Without the gap, this could happen:

       the pages leave all mappings         a fault finds the old page, and maps it again
       the pages leave the cache: the program writes a page that no file has

   So a fault on a page in the gap waits. If the pages left the cache first, one program could write
   the new page while another still reads the old one. */
static void punch_pages(struct pagecache *cache, uint64_t first, uint64_t end)
{
    mutex_lock(&cache->walk);
    mutex_lock(&cache->lock);
    gap_begin_locked(cache, first, end);
    mutex_unlock(&cache->lock);
    vspace_punch_pages(cache->mapped, first, end);
    mutex_lock(&cache->lock);
    gap_end_locked(cache);
    mutex_unlock(&cache->lock);
    mutex_unlock(&cache->walk);
    pagecache_wake(cache);
}

/* Zeroes [start, end) in a page, a part of which has no room any more. */
static void zero_edge_locked(struct pagecache *cache, const struct frame *frame, uint64_t start,
                             uint64_t end)
{
    assert(mutex_is_held(&cache->lock));
    memset(byte_in_frame(frame, start), 0, end - start);
    radix_retag(&cache->pages, page_index(start), PAGE_ROOM, 0);
    page_dirty_locked(cache, page_index(start));
}

/* Ends a hole that has failed, because the thread is to be killed. Some of the room may be gone, so
   no page has all of its room. As long as there are pages in [first, last]. */
static void keep_pages_locked(struct pagecache *cache, uint64_t first, uint64_t last)
{
    assert(mutex_is_held(&cache->lock));
    for (; radix_next(&cache->pages, &first, last, PAGE_ROOM); first++)
        radix_retag(&cache->pages, first, PAGE_ROOM, 0);
}

/* Makes a hole in a cache with a store. `edges` are the pages, NULL or with a reference, in which
   the hole begins and ends. The room is given back in the gap. Otherwise this could happen:

       the pages leave the cache         a fault reads one again, with its old contents
       the room is given back

   A program may already be able to write an edge, of which a part has no room any more. So W is
   cleared there, and the next write asks for room. */
static int punch_stored(struct pagecache *cache, uint64_t start, uint64_t end,
                        struct frame *const edges[2])
{
    uint64_t first = page_index(start), last = page_index(end - 1);
    uint64_t whole_first = first + !!edges[0], whole_end = last + 1 - !!edges[1];

    int err = mutex_lock_killable(&cache->walk);
    if (err)
        return err;
    mutex_lock(&cache->lock);
    gap_begin_locked(cache, first, last + 1);
    mutex_unlock(&cache->lock);
    if (whole_first < whole_end)
        vspace_punch_pages(cache->mapped, whole_first, whole_end);
    vspace_clean_pages(cache->mapped, first, last + 1);
    err = cache->store->drop_room(cache, start, end);
    bool is_made = err != -EINTR;
    mutex_lock(&cache->lock);
    if (is_made && edges[0])
        zero_edge_locked(cache, edges[0], start, min(end, (first + 1) << PAGE_SHIFT));
    if (is_made && edges[1])
        zero_edge_locked(cache, edges[1], last << PAGE_SHIFT, end);
    if (!is_made)
        keep_pages_locked(cache, first, last);
    else if (whole_first < whole_end)
        pages_drop(cache, whole_first, whole_end - 1);
    cache->gap_first = cache->gap_end = 0;
    mutex_unlock(&cache->lock);
    mutex_unlock(&cache->walk);
    pagecache_wake(cache);
    pagecache_dirty_gone(cache);
    return err;
}

/* Finds the edges of a hole: the pages of which it takes a part. */
static int punch_with_store(struct pagecache *cache, uint64_t start, uint64_t end)
{
    struct frame *edges[2] = {NULL, NULL};
    int err = 0;

    if (!cache->store->drop_room)
        return -EOPNOTSUPP;
    if (start >= cache->size)
        return 0;
    end = min(end, pages_of(cache->size) << PAGE_SHIFT); /* what is behind are zeros */
    if (start >= end)
        return 0;
    bool is_one = page_index(start) == page_index(end - 1);
    if (start % PAGE_SIZE || (is_one && end % PAGE_SIZE))
        err = page_get(cache, page_index(start), 0, &edges[0]);
    if (!err && !is_one && end % PAGE_SIZE)
        err = page_get(cache, page_index(end), 0, &edges[1]);
    if (!err)
        err = punch_stored(cache, start, end, edges);
    for (int n = 0; n < 2; n++)
        if (edges[n])
            frame_put(edges[n]);
    return err;
}

int pagecache_punch(struct pagecache *cache, uint64_t start, uint64_t end)
{
    uint64_t first = pages_of(start), last = page_index(end);

    assert(mutex_is_held(&cache->vnode->lock));
    if (cache->store)
        return punch_with_store(cache, start, end);
    if (start >= end)
        return 0;
    if (first > last) {
        zero_in_page(cache, start, end);
        return 0;
    }
    if (start % PAGE_SIZE)
        zero_in_page(cache, start, first << PAGE_SHIFT);
    if (end % PAGE_SIZE)
        zero_in_page(cache, last << PAGE_SHIFT, end);
    if (first < last)
        punch_pages(cache, first, last);
    return 0;
}

/* ---- Filling holes ---- */

/* Takes back what an allocation that has failed has made, and what an earlier one has made there,
   unless a program has used it. */
static void allocate_undo(struct pagecache *cache, uint64_t first, uint64_t end)
{
    const struct frame *frame;

    mutex_lock(&cache->lock);
    for (; first < end && (frame = radix_next(&cache->pages, &first, end - 1, PAGE_NEW)); first++)
        if (frame_refs(frame) == 1)
            pages_drop(cache, first, first);
    mutex_unlock(&cache->lock);
}

/* Returns how many of the pages [first, end) have no frame. */
static uint64_t count_holes(struct pagecache *cache, uint64_t first, uint64_t end)
{
    uint64_t holes = end - first;

    mutex_lock(&cache->lock);
    for (; first < end && radix_next(&cache->pages, &first, end - 1, 0); first++)
        holes--;
    mutex_unlock(&cache->lock);
    return holes;
}

static int allocate_page(struct pagecache *cache, uint64_t index)
{
    struct frame *frame;
    int err = 0;

    mutex_lock(&cache->lock);
    if (!radix_find(&cache->pages, index)) {
        err = pagecache_is_full() ? -ENOSPC : page_find_locked(cache, index, WANT_BEYOND, &frame);
        if (!err)
            radix_retag(&cache->pages, index, 0, PAGE_NEW);
    }
    mutex_unlock(&cache->lock);
    return err;
}

int pagecache_allocate(struct pagecache *cache, uint64_t start, uint64_t end,
                       enum allocate_size size)
{
    uint64_t first = page_index(start), last = pages_of(end);
    int err = 0;

    assert(mutex_is_held(&cache->vnode->lock) && start < end);
    if (cache->store)
        return -EOPNOTSUPP;
    if (count_holes(cache, first, last) > pagecache_room())
        return -ENOSPC;
    if (size == ALLOCATE_EXTENDS && end > cache->size)
        trim(cache); /* a program may have written behind the end through a mapping */
    for (uint64_t index = first; index < last && !err; index++)
        err = thread_is_killed() ? -EINTR : allocate_page(cache, index);
    if (err)
        allocate_undo(cache, first, last);
    else if (size == ALLOCATE_EXTENDS && end > cache->size)
        pagecache_set_size(cache, end);
    return write_error(cache, err);
}

/* Linux takes pages that were made and not used for holes, too. */
int64_t pagecache_next_data(struct pagecache *cache, uint64_t offset)
{
    uint64_t index = page_index(offset);

    if (cache->store) {
        int64_t data = cache->store->seek
                           ? cache->store->seek(cache, offset, cache->size, SEEK_DATA)
                           : (int64_t)offset;
        return data < (int64_t)cache->size ? data : -ENXIO;
    }
    mutex_lock(&cache->lock);
    bool found = next_used(cache, &index, pages_of(cache->size) - 1);
    mutex_unlock(&cache->lock);
    return found ? (int64_t)max(offset, index << PAGE_SHIFT) : -ENXIO;
}

/* Each page before the hole costs a step. */
int64_t pagecache_next_hole(struct pagecache *cache, uint64_t offset)
{
    uint64_t index = page_index(offset);
    unsigned tags;

    if (cache->store)
        return cache->store->seek ? cache->store->seek(cache, offset, cache->size, SEEK_HOLE)
                                  : (int64_t)cache->size;
    mutex_lock(&cache->lock);
    while (radix_look(&cache->pages, index, &tags) && !is_new(cache, tags))
        index++;
    mutex_unlock(&cache->lock);
    return min(max(offset, index << PAGE_SHIFT), cache->size);
}

/* ---- Mapping ---- */

/* The mark and the answer are one step under the lock. Else this could happen:

       a fault gets the page                 write-back finds it clean, and is done
       the page is marked as dirty, and is never written

   A write through a mapping changes the times of the file when it faults, as on Linux: the first
   write since the page was mapped or written back. */
static int pagecache_pager_page(struct pager *pager, uint64_t index, enum pager_use use,
                                struct frame **frame)
{
    struct pagecache *cache = container_of(pager, struct pagecache, pager);
    bool is_write = use == PAGER_WRITE;

    if (heldback_is(cache->vnode))
        return -EAGAIN;
    mutex_lock(&cache->lock);
    int err = page_find_locked(cache, index, is_write ? WANT_ROOM | WANT_DIRTY : 0, frame);
    if (!err) {
        frame_get(*frame);
        if (is_write)
            page_dirty_locked(cache, index);
    }
    mutex_unlock(&cache->lock);
    if (!err && is_write)
        vnode_touch(cache->vnode);
    return err;
}

static int pagecache_pager_wait(struct pager *pager, uint64_t index, enum pager_use use)
{
    struct pagecache *cache = container_of(pager, struct pagecache, pager);

    if (cache->store)
        make_memory(cache);
    return page_make_ready(cache, index,
                           use == PAGER_WRITE ? WANT_ROOM | WANT_DIRTY | WANT_AHEAD : WANT_AHEAD);
}

static bool pagecache_pager_has(struct pager *pager, uint64_t index)
{
    struct pagecache *cache = container_of(pager, struct pagecache, pager);
    unsigned tags;

    mutex_lock(&cache->lock);
    bool has =
        radix_look(&cache->pages, index, &tags) && !(tags & PAGE_READING) && !is_new(cache, tags);
    mutex_unlock(&cache->lock);
    return has;
}

static bool pagecache_pager_is_page(struct pager *pager, uint64_t index, enum pager_use use,
                                    const struct frame *frame)
{
    const struct pagecache *cache = container_of(pager, struct pagecache, pager);
    unsigned tags;
    bool is_page = radix_look(&cache->pages, index, &tags) == frame;

    return is_page && (use == PAGER_READ || (tags & PAGE_DIRTY));
}

/* A region through which the file is written counts as a writer, as the open file did that it was
   made from, so that no program is started from the file. */
static void pagecache_pager_get(struct pager *pager, bool writes)
{
    struct vnode *vnode = container_of(pager, struct pagecache, pager)->vnode;

    vnode_get(vnode);
    if (writes && vnode_allow_write(vnode))
        panic("a running program is mapped for writing");
}

static void pagecache_pager_put(struct pager *pager, bool writes)
{
    struct vnode *vnode = container_of(pager, struct pagecache, pager)->vnode;

    if (writes)
        vnode_end_write(vnode);
    vnode_put(vnode);
}

static uint64_t pagecache_pager_name(struct pager *pager, char *buf, size_t size)
{
    struct vnode *vnode = container_of(pager, struct pagecache, pager)->vnode;

    if (vnode_path(vnode, buf, size) < 0)
        strlcpy(buf, "?", size);
    return vnode->ino;
}

static const struct pager_ops pagecache_pager_ops = {
    .page = pagecache_pager_page,
    .wait = pagecache_pager_wait,
    .has = pagecache_pager_has,
    .is_page = pagecache_pager_is_page,
    .get = pagecache_pager_get,
    .put = pagecache_pager_put,
    .name = pagecache_pager_name,
};

struct vnode *pagecache_vnode(struct pager *pager)
{
    bool is_mine = pager->ops == &pagecache_pager_ops;

    return is_mine ? container_of(pager, struct pagecache, pager)->vnode : NULL;
}

struct pagecache *pagecache_create(struct vnode *vnode, const struct pagecache_store *store)
{
    struct pagecache *cache = heap_alloc_zeroed(sizeof(*cache));

    if (!cache)
        return NULL;
    pager_init(&cache->pager, &pagecache_pager_ops);
    cache->mapped = &cache->pager;
    cache->vnode = vnode;
    cache->store = store;
    cache->dirtied.cache = cache;
    cache->seals = F_SEAL_SEAL; /* only those of memfd_create can be sealed */
    mutex_init(&cache->walk, RANK_WALK);
    mutex_init(&cache->lock, RANK_CACHE);
    spin_init(&cache->wait_lock, RANK_PIPE);
    waitq_init(&cache->waiters);
    spin_lock(&pagecaches_lock);
    LIST_INSERT_HEAD(&pagecaches, cache, all);
    spin_unlock(&pagecaches_lock);
    if (store)
        reclaim_add(cache);
    return cache;
}

void pagecache_destroy(struct pagecache *cache)
{
    assert(!cache->holds_vnode && !radix_has(&cache->pages, PAGE_READING | PAGE_WRITING));
    if (cache->store)
        reclaim_remove(cache);
    mutex_lock(&cache->lock);
    pages_drop(cache, 0, UINT64_MAX);
    mutex_unlock(&cache->lock);
    spin_lock(&pagecaches_lock);
    LIST_REMOVE(cache, all);
    spin_unlock(&pagecaches_lock);
    heap_free(cache);
}

/* What the audit finds in caches. */
struct visit {
    void (*hold)(struct frame *frame);
    bool has_store; /* the cache that is being visited */
    struct pagecache_counts found;
};

static void visit_page(uint64_t index __unused, void *item, unsigned tags, void *arg)
{
    struct visit *visit = arg;

    visit->hold(item);
    if (!visit->has_store)
        return;
    visit->found.pages++;
    visit->found.dirty += !!(tags & PAGE_DIRTY);
    visit->found.writing += !!(tags & PAGE_WRITING);
}

/* Takes no locks: the world is stopped, and no thread rests while it changes a cache. Panics if the
   counts of pages are wrong. */
static void audit_visit(void (*hold)(struct frame *frame))
{
    struct visit visit = {.hold = hold};
    const struct pagecache_counts counted = pagecache_counts();
    struct pagecache *cache;

    LIST_FOREACH (cache, &pagecaches, all) {
        visit.has_store = cache->store;
        radix_for_each(&cache->pages, visit_page, &visit);
    }
    if (memcmp(&visit.found, &counted, sizeof(counted)) != 0)
        panic(RULE(4) "caches have %lu pages, %lu dirty, %lu being written, but %lu, %lu, %lu are "
                      "counted",
              visit.found.pages, visit.found.dirty, visit.found.writing, counted.pages,
              counted.dirty, counted.writing);
}

static struct audit_owner pagecache_owner = {.name = "page cache", .visit = audit_visit};

void pagecache_init(void)
{
    audit_register(&pagecache_owner);
}
