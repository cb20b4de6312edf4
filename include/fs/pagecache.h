/* The pages of one file: index -> frame. For tmpfs it is the file.

   Always true:
   - the cache holds one reference on each of its frames, which are FRAME_CACHE (design.md, rule 4);
   - no page lies wholly beyond `size`, except while a write that will extend the file is on its
   way, and what lies beyond `size` in the last page is zero to whoever reads the file after it has
   grown;
   - a hole has no frame: read(2) sees zeros; a page that is mapped gets its frame then.

   Locks: `lock` (RANK_CACHE, sleeps) guards pages and size; it is never held while user memory is
   touched: the frame is taken with a reference of the reader's own, and copied after the lock is
   dropped. Writing and truncating also need the vnode's lock, held by the caller, so that there is
   one of them at a time. */
#pragma once

#include <fs/radix.h>
#include <fs/uio.h>
#include <sched/lock.h>
#include <sys/queue.h>
#include <vm/pager.h>

struct vnode;

struct pagecache {
    struct pager pager;  /* (c) where vm/ gets the pages; its references are the vnode's */
    struct vnode *vnode; /* (c) whose pages; it owns the cache */
    struct mutex lock;   /* RANK_CACHE */
    struct radix pages;  /* (lock) index -> struct frame * */
    uint64_t npages;     /* (lock) frames that it holds */
    uint64_t size;    /* (lock) the file's length in bytes; readable at any time with atomic_load */
    unsigned regions; /* atomic: regions of all vspaces that show it through `pager` */
    LIST_ENTRY(pagecache) all; /* the list's lock: for the audit */
};

/* The longest file, so that offsets fit off_t. */
#define PAGECACHE_MAX_SIZE INT64_MAX

/* Registers the audit's owner. Once, at boot. */
void pagecache_init(void);

/* An empty cache of `vnode`; NULL: no memory. */
__must_check struct pagecache *pagecache_create(struct vnode *vnode);

/* Gives back every frame. Nobody reads or maps the file any more. */
void pagecache_destroy(struct pagecache *cache);

/* Moves bytes out of the file, or into it, making it longer: how many. -EFAULT, -ENOSPC (no frame),
   -ENOMEM, -EFBIG. A write: the vnode's lock is held. */
ssize_t pagecache_read(struct pagecache *cache, struct uio *uio, uint64_t offset);
ssize_t pagecache_write(struct pagecache *cache, struct uio *uio, uint64_t offset);

/* Reads into kernel memory. Returns the number of bytes, which is less than `len` only at the end of
   the file, or -errno. */
__must_check ssize_t pagecache_read_kernel(struct pagecache *cache, uint64_t offset, void *buf,
                                           size_t len);

/* Makes the file `size` bytes long. The vnode's lock is held. -EFBIG. */
__must_check int pagecache_truncate(struct pagecache *cache, uint64_t size);

/* The frame of page `index` with a reference, made if it is a hole. -ENXIO: beyond the end;
   -ENOMEM. */
__must_check int pagecache_page(struct pagecache *cache, uint64_t index, struct frame **frame);

/* Frames in all caches. */
uint64_t pagecache_pages(void);

/* Files leave some memory to the programs: who has filled the disk can still run rm. How many frames may still be added
   to files, and whether there are none. */
uint64_t pagecache_room(void);
bool pagecache_is_full(void);
