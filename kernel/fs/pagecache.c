/* The page cache: reading, writing, truncating and mapping the pages of a file.

   A copy to or from user memory may fault, and the fault may need this very cache: a program may
   write a file from a mapping of the same file. So each page is copied without the lock: lock, take
   the frame with a reference, unlock, copy, put. If the page is truncated meanwhile, the reference
   keeps the frame until the copy has ended. */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <arch/atomic.h>
#include <fs/pagecache.h>
#include <fs/vnode.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <sched/thread.h>
#include <vm/vspace.h>
#include <vm/audit.h>
#include "heldback.h"

/* All caches, for the audit; and the number of frames in them (atomic). */
LIST_HEAD(pagecache_list, pagecache);
static struct pagecache_list pagecaches = LIST_HEAD_INITIALIZER(pagecaches);
static struct spinlock pagecaches_lock = SPINLOCK(RANK_PIPE);
static uint64_t cached_pages;

static uint64_t page_index(uint64_t offset)
{
    return offset >> PAGE_SHIFT;
}

/* Returns the address of the file's byte at `offset`, which lies in `frame`. */
static char *byte_in_frame(const struct frame *frame, uint64_t offset)
{
    return (char *)frame_to_virt(frame) + offset % PAGE_SIZE;
}

static void count_pages(struct pagecache *cache, int64_t n)
{
    atomic_store_relaxed(&cache->npages, cache->npages + n);
    (void)atomic_add_fetch(&cached_pages, n);
}

uint64_t pagecache_pages(void)
{
    return atomic_load_relaxed(&cached_pages);
}

static void drop_frame(void *item, void *arg)
{
    count_pages(arg, -1);
    frame_put(item);
}

/* Drops the pages beyond the end, and zeroes the rest of the last one. The cache's lock is held. */
static void trim_locked(struct pagecache *cache)
{
    assert(mutex_is_held(&cache->lock));
    radix_remove_from(&cache->pages, page_index(cache->size + PAGE_SIZE - 1), drop_frame, cache);

    struct frame *last = radix_find(&cache->pages, page_index(cache->size));
    if (last)
        memset(byte_in_frame(last, cache->size), 0, page_rest(cache->size));
}

static void trim(struct pagecache *cache)
{
    mutex_lock(&cache->lock);
    trim_locked(cache);
    mutex_unlock(&cache->lock);
}

/* Finds the frame of page `index`, and fills a hole with a zeroed frame. The cache holds the only
   new reference. The cache's lock is held. */
static int make_page_locked(struct pagecache *cache, uint64_t index, struct frame **result)
{
    struct frame *frame = radix_find(&cache->pages, index);

    assert(mutex_is_held(&cache->lock));
    if (!frame) {
        frame = frame_alloc_zeroed(FRAME_CACHE);
        if (!frame)
            return -ENOMEM;
        int err = radix_insert(&cache->pages, index, frame);
        if (err) {
            frame_put(frame);
            return err;
        }
        count_pages(cache, 1);
    }
    *result = frame;
    return 0;
}

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

/* Finds the frame of page `index`, which may lie beyond the end, for a write. Takes a reference on
   it. */
static int get_page_for_write(struct pagecache *cache, uint64_t index, struct frame **frame)
{
    mutex_lock(&cache->lock);
    bool refused = !radix_find(&cache->pages, index) && pagecache_is_full();
    int err = refused ? -ENOSPC : make_page_locked(cache, index, frame);
    if (!err)
        frame_get(*frame);
    mutex_unlock(&cache->lock);
    return err;
}

int pagecache_page(struct pagecache *cache, uint64_t index, struct frame **frame)
{
    int err = -ENXIO;

    mutex_lock(&cache->lock);
    if (index < page_index(cache->size + PAGE_SIZE - 1))
        err = make_page_locked(cache, index, frame);
    if (!err)
        frame_get(*frame);
    mutex_unlock(&cache->lock);
    return err;
}

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

/* Reads within the page of `offset`. Returns the bytes moved; 0 at the end of the file or of the
   uio. */
static size_t read_page(struct pagecache *cache, struct uio *uio, uint64_t offset, int *err)
{
    uint64_t size = atomic_load(&cache->size);

    if (offset >= size || uio->left == 0)
        return 0;
    size_t len = min(page_rest(offset), uio->left);
    len = min(len, size - offset);
    struct frame *frame = peek_page(cache, page_index(offset));
    size_t moved;

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

static void grow_to(struct pagecache *cache, uint64_t size)
{
    mutex_lock(&cache->lock);
    if (size > cache->size)
        atomic_store(&cache->size, size);
    mutex_unlock(&cache->lock);
}

/* Writes within the page of `offset`, and extends the file. Returns the bytes moved. Fewer than
   asked for are no error yet: the rest may lie in a mapping of the file, which has just grown. */
static size_t write_page(struct pagecache *cache, struct uio *uio, uint64_t offset, int *err)
{
    size_t len = min(page_rest(offset), uio->left);
    struct frame *frame;

    if (len == 0)
        return 0;
    *err = get_page_for_write(cache, page_index(offset), &frame);
    if (*err)
        return 0;
    size_t moved = uio_get(uio, byte_in_frame(frame, offset), len);
    frame_put(frame);
    if (moved)
        grow_to(cache, offset + moved);
    else
        *err = -EFAULT;
    return moved;
}

/* Returns -ENOSPC for -ENOMEM, because a file system in memory without a free frame is a full
   disk. */
static int write_error(int err)
{
    return err == -ENOMEM ? -ENOSPC : err;
}

ssize_t pagecache_write(struct pagecache *cache, struct uio *uio, uint64_t offset)
{
    size_t done = 0, moved;
    int err = 0;

    if (uio->left == 0)
        return 0;
    if (offset >= PAGECACHE_MAX_SIZE)
        return -EFBIG;
    uio->left = min(uio->left, PAGECACHE_MAX_SIZE - offset);

    if (offset > cache->size)
        trim(cache); /* a program may have written behind the end through a mapping */
    do {
        moved = write_page(cache, uio, offset + done, &err);
        done += moved;
    } while (moved && !err && !thread_is_killed());
    if (err)
        trim(cache); /* drops a page beyond the end that was not written */
    return uio_result(done, write_error(err));
}

int pagecache_truncate(struct pagecache *cache, uint64_t size)
{
    if (size > PAGECACHE_MAX_SIZE)
        return -EFBIG;
    mutex_lock(&cache->lock);
    atomic_store(&cache->size, min(size, cache->size));
    mutex_unlock(&cache->lock);
    /* No later fault gets a page beyond the end. The pages that are mapped already go now. */
    vspace_forget_pages(&cache->pager, page_ceil(min(size, cache->size)) >> PAGE_SHIFT);
    mutex_lock(&cache->lock);
    trim_locked(cache);
    atomic_store(&cache->size, size);
    mutex_unlock(&cache->lock);
    return 0;
}

static int pagecache_pager_page(struct pager *pager, uint64_t index, struct frame **frame)
{
    struct pagecache *cache = container_of(pager, struct pagecache, pager);

    return heldback_is(cache->vnode) ? -EAGAIN : pagecache_page(cache, index, frame);
}

static int pagecache_pager_wait(struct pager *pager, uint64_t index __unused)
{
    return heldback_wait(container_of(pager, struct pagecache, pager)->vnode);
}

static bool pagecache_pager_has(struct pager *pager, uint64_t index)
{
    struct frame *frame = peek_page(container_of(pager, struct pagecache, pager), index);

    if (frame)
        frame_put(frame);
    return frame;
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
    .get = pagecache_pager_get,
    .put = pagecache_pager_put,
    .name = pagecache_pager_name,
};

struct pagecache *pagecache_create(struct vnode *vnode)
{
    struct pagecache *cache = heap_alloc_zeroed(sizeof(*cache));

    if (!cache)
        return NULL;
    pager_init(&cache->pager, &pagecache_pager_ops);
    cache->vnode = vnode;
    cache->seals = F_SEAL_SEAL; /* only those of memfd_create can be sealed */
    mutex_init(&cache->lock, RANK_CACHE);
    spin_lock(&pagecaches_lock);
    LIST_INSERT_HEAD(&pagecaches, cache, all);
    spin_unlock(&pagecaches_lock);
    return cache;
}

void pagecache_destroy(struct pagecache *cache)
{
    radix_remove_from(&cache->pages, 0, drop_frame, cache);
    spin_lock(&pagecaches_lock);
    LIST_REMOVE(cache, all);
    spin_unlock(&pagecaches_lock);
    heap_free(cache);
}

static void hold_item(void *item, void *hold)
{
    (*(void (**)(struct frame *))hold)(item);
}

/* Takes no locks: the world is stopped, and no thread rests while it changes a cache. */
static void audit_visit(void (*hold)(struct frame *frame))
{
    struct pagecache *cache;

    LIST_FOREACH (cache, &pagecaches, all)
        radix_for_each(&cache->pages, hold_item, &hold);
}

static struct audit_owner pagecache_owner = {.name = "page cache", .visit = audit_visit};

void pagecache_init(void)
{
    audit_register(&pagecache_owner);
}
