/* The page cache of one file: a map from page index to frame. A tmpfs keeps files nowhere else.

   Always true: the cache holds one reference on each of its frames, which are FRAME_CACHE
   (design.md, rule 4).

   No page lies wholly beyond `size`, except during a write that extends the file. A read after the
   file has grown sees zeros in what was beyond the end in its last page.

   A hole has no frame. read(2) returns zeros for it, and a page that is mapped gets a frame.

   Locks: `lock` (RANK_CACHE, sleeps) guards pages and size. It is not held during an access of user
   memory: the reader takes a reference on the frame, releases the lock, and copies. The caller of a
   write or a truncation also holds the vnode's lock, so that there is one at a time. */
#pragma once

#include <fs/radix.h>
#include <fs/uio.h>
#include <sched/lock.h>
#include <sys/queue.h>
#include <vm/pager.h>

struct vnode;

struct pagecache {
    struct pager pager;  /* (c) for vm/; its references are the vnode's */
    struct vnode *vnode; /* (c) the owner */
    struct mutex lock;   /* RANK_CACHE */
    struct radix pages;  /* (lock) index -> struct frame * */
    uint64_t npages;     /* (lock) frames in `pages` */
    uint64_t size;       /* (lock) bytes in the file; may be read at any time with atomic_load */
    unsigned seals;      /* (vnode's lock) F_SEAL_ bits (fs/seals.h) */
    LIST_ENTRY(pagecache) all; /* for the audit; the list has a lock */
};

/* The longest file: offsets fit off_t. */
#define PAGECACHE_MAX_SIZE INT64_MAX

/* Registers all page caches as an owner of frames for the audit. Once, at boot. */
void pagecache_init(void);

/* Makes an empty cache for `vnode`. NULL: no memory. */
__must_check struct pagecache *pagecache_create(struct vnode *vnode);

/* Drops every frame and frees the cache. The file is neither open nor mapped. */
void pagecache_destroy(struct pagecache *cache);

/* Read from the file, or write to it and extend it where needed. Return the number of bytes. A
   writer holds the vnode's lock. Errors: -EFAULT, -ENOSPC (no frame), -ENOMEM, -EFBIG. */
ssize_t pagecache_read(struct pagecache *cache, struct uio *uio, uint64_t offset);
ssize_t pagecache_write(struct pagecache *cache, struct uio *uio, uint64_t offset);

/* Reads into kernel memory. Returns the number of bytes, which is less than `len` only at the end
   of the file, or -errno. */
__must_check ssize_t pagecache_read_kernel(struct pagecache *cache, uint64_t offset, void *buf,
                                           size_t len);

/* Makes the file `size` bytes long. The vnode's lock is held. Error: -EFBIG. */
__must_check int pagecache_truncate(struct pagecache *cache, uint64_t size);

/* Finds the frame of page `index` and takes a reference on it. A hole gets a frame. Errors: -ENXIO
   (beyond the end), -ENOMEM. */
__must_check int pagecache_page(struct pagecache *cache, uint64_t index, struct frame **frame);

/* Returns the number of frames in all caches. */
uint64_t pagecache_pages(void);

/* Files leave some memory free for programs, so that a user who has filled the disk can still run
   rm. pagecache_room returns how many frames files may still take; pagecache_is_full returns true
   if that is 0. */
uint64_t pagecache_room(void);
bool pagecache_is_full(void);
