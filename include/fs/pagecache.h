/* The page cache of one file: a map from page index to frame. A file system in memory keeps the
   contents of files nowhere else. Any other has a *store* below the cache, which reads pages from a
   device and writes them back.

   Always true: the cache holds one reference on each of its frames, which are FRAME_CACHE
   (design.md, rule 4).

   No page lies wholly beyond `size`, except during a write that extends the file, and what
   fallocate(2) has made there, which is zeros. A read after the
   file has grown sees zeros in what was beyond the end in its last page.

   A page is in one of these states:

       absent       without a store: a hole. read(2) returns zeros for it, and a page that is mapped
                    gets a frame. With a store: not read yet
       being read   it has a frame, which a thread has the store fill; others wait
       clean        its contents are those on the device
       dirty        it has been written since the last write-back. Without a store: written through
                    a mapping since the last write-back
       being written   the store writes it; it may be dirty again already

   W is set in an entry that shows a page only if the page is dirty (vm/pager.h). If the page is
   written through a mapping, it becomes dirty at the first write, and mtime and ctime change.

   A page with a store is written only once it has *room*: the store knows where it goes on the
   device. So the lack of room is an error of the write, and not of the write-back.

   A cache with dirty pages and a store holds a reference on its vnode, so that they are not lost.
   There are limits on such pages in all caches. A thread that would go beyond them first writes
   pages of its file back (dirty.c).

   Locks: `lock` (RANK_CACHE, sleeps) guards pages and size. It is not held during an access of user
   memory: the reader takes a reference on the frame, releases the lock, and copies. It is not held
   during a call of the store either. The caller of a write or a truncation also holds the vnode's
   lock, so that there is one at a time. `walk` (RANK_WALK, sleeps) is held over a truncation, over
   the write-back of some pages, and while a page gets room: there is one at a time. */
#pragma once

#include <fs/radix.h>
#include <fs/readahead.h>
#include <fs/uio.h>
#include <sched/lock.h>
#include <sys/queue.h>
#include <vm/pager.h>

struct pagecache;
struct vnode;

/* Where the pages of a file come from, and where they go. The functions may sleep, and run in the
   thread that needs the page. That thread may hold locks of a vnode, of this file or of another
   one, and RANK_WALK of this file during write_pages and make_room. It holds none of RANK_VSPACE or
   above. */
struct pagecache_store {
    /* Fills the `count` frames (at most PAGECACHE_RUN) with the pages from `first` on. What lies
       beyond the end of the file, or in a hole, becomes zeros. Two threads never read one page at
       once. Returns 0; -EIO; -ENOMEM; -EINTR: the thread is to be killed. The device may go on to
       fill the frames after an error: then the store has a reference on each. */
    int (*read_pages)(struct pagecache *cache, uint64_t first, struct frame *const *frames,
                      unsigned count);

    /* Writes pages to the device, and returns once it has them, in its cache at least. What lies
       beyond the end of the file is not written, and a part without room is zeros, so it stays a
       hole. Two threads never write one page at once. A program may change a page meanwhile: then
       it is written again later. Returns 0; -EIO, which fsync(2) of each open file tells, while the
       pages count as clean; -EINTR: the thread is to be killed, or -ENOMEM: the pages are dirty
       again then. */
    int (*write_pages)(struct pagecache *cache, uint64_t first, struct frame *const *frames,
                       unsigned count);

    /* Finds room for the bytes [start, end) of one page, as far as they are before
       pagecache_reach(cache); a part that has room keeps it. The caller is about to make the page
       dirty: until then new room has any contents. The store compares with the reach under a lock
       of its own, under which it also gives back what a truncation cuts off:

           a fault asks for room for a page     the file is truncated, and its room given back
           the page beyond the end gets room for ever

       Errors, after which no part has got room: -ENOSPC, -EDQUOT, -EIO, -EINTR, -ENOMEM. NULL:
       every page has room. */
    int (*make_room)(struct pagecache *cache, uint64_t start, uint64_t end);

    /* Gives back the room for the parts that are wholly in [start, end) bytes. No page there is
       being written, and none that is read from now on is used. -EIO, -ENOMEM. NULL: the room
       cannot be given back. */
    int (*drop_room)(struct pagecache *cache, uint64_t start, uint64_t end);

    /* Returns the first offset in [start, end) that has room (SEEK_DATA), or has none (SEEK_HOLE);
       `end`: there is none. -EIO, -ENOMEM, -EINTR. NULL: all has room. */
    int64_t (*seek)(struct pagecache *cache, uint64_t start, uint64_t end, unsigned whence);
};

/* The most pages that a store reads or writes in one call, and the smallest part of a page that can
   have room, in bytes. */
#define PAGECACHE_RUN  32u
#define PAGECACHE_PART 1024u

/* An element of the list of caches with dirty pages (tags.c). */
struct dirty_link {
    TAILQ_ENTRY(dirty_link) link;
    struct pagecache *cache; /* (c) NULL: the place of a thread that goes along the list */
};

struct pagecache {
    struct pager pager; /* (c) for vm/; its references are the vnode's */
    struct pager
        *mapped; /* (c) whose regions show the pages: its own, or another pager that gives them */
    struct vnode *vnode;                 /* (c) the owner */
    const struct pagecache_store *store; /* (c) NULL: the pages are in memory alone */
    struct mutex walk;                   /* RANK_WALK */
    struct mutex lock;                   /* RANK_CACHE */
    struct radix pages;                  /* (lock) index -> struct frame *, with PAGE_ tags */
    uint64_t npages;                     /* (lock) frames in `pages` */
    uint64_t size; /* (lock) bytes in the file; may be read at any time with atomic_load */
    uint64_t
        reach; /* (lock) `size`, or the end of a write that extends the file; atomic as it is */
    uint64_t reaches;            /* (lock) how often `reach` has changed */
    uint64_t gap_first, gap_end; /* (lock) pages that are being taken away */
    unsigned seals;              /* (vnode's lock) F_SEAL_ bits (fs/seals.h) */
    uint64_t ndirty;             /* (lock) dirty pages, if there is a store */
    bool holds_vnode;  /* (lock) there are dirty pages and a store; it is in the list of these */
    unsigned failures; /* (lock) reads of one page that have failed; the last page and error: */
    int failure;
    uint64_t failed_page;
    unsigned write_errors;     /* (lock) write-backs that have failed; atomic_load at any time */
    int write_error;           /* (lock) of the last of these */
    struct spinlock wait_lock; /* RANK_PIPE */
    struct waitq waiters;      /* for pages that are being read */
    uint64_t changes;          /* (wait_lock) wake-ups so far */
    struct readahead faults;   /* (a) where faults on pages are */
    uint64_t hand;             /* (lock) the page that reclaim comes to next */
    TAILQ_ENTRY(pagecache) stored; /* if there is a store; the list has a lock */
    LIST_ENTRY(pagecache) all;     /* for the audit; the list has a lock */
    struct dirty_link dirtied;     /* if holds_vnode; the list has a lock */
};

/* The longest file: offsets fit off_t. */
#define PAGECACHE_MAX_SIZE INT64_MAX

/* Registers all page caches as an owner of frames for the audit. Once, at boot. */
void pagecache_init(void);

/* Makes an empty cache for `vnode`. `store` may be NULL. NULL: no memory. */
__must_check struct pagecache *pagecache_create(struct vnode *vnode,
                                                const struct pagecache_store *store);

/* Gives a new cache the size that its file has on the device. */
void pagecache_set_size(struct pagecache *cache, uint64_t size);

/* Drops every frame and frees the cache. The file is neither open nor mapped. */
void pagecache_destroy(struct pagecache *cache);

/* Read from the file, or write to it and extend it where needed. Return the number of bytes. A
   writer holds the vnode's lock. Errors: -EFAULT, -ENOSPC (no frame, or no room), -ENOMEM, -EFBIG,
   -EIO, -EINTR (the thread is to be killed). If a write ends early, a store may have made room
   behind the end: the file system gives it back. */
ssize_t pagecache_read(struct pagecache *cache, struct uio *uio, uint64_t offset);
ssize_t pagecache_write(struct pagecache *cache, struct uio *uio, uint64_t offset);

/* Reads into kernel memory. Returns the number of bytes, which is less than `len` only at the end
   of the file, or -errno. */
__must_check ssize_t pagecache_read_kernel(struct pagecache *cache, uint64_t offset, void *buf,
                                           size_t len);

/* Makes the file `size` bytes long. The vnode's lock is held. The file system then gives back the
   room of what is cut off. Errors: -EFBIG; -EIO, -ENOMEM, -EINTR (the new last page cannot be
   read). */
__must_check int pagecache_truncate(struct pagecache *cache, uint64_t size);

/* Makes [start, end) of the file read as zeros, and gives back its whole pages, in mappings too,
   and the room that the store has for it. Private copies of pages stay. The size stays. The
   vnode's lock is held. -EOPNOTSUPP: the store cannot do it; -EIO, -ENOMEM, -EINTR. */
__must_check int pagecache_punch(struct pagecache *cache, uint64_t start, uint64_t end);

/* Gives each hole in [start, end) a frame. ALLOCATE_EXTENDS: makes the file longer if it ends
   before `end`. The vnode's lock is held. -ENOSPC; -EINTR: the thread is to be killed. After an
   error, the contents and the size are unchanged. -EOPNOTSUPP: there is a store. */
enum allocate_size { ALLOCATE_EXTENDS, ALLOCATE_KEEPS_SIZE };
__must_check int pagecache_allocate(struct pagecache *cache, uint64_t start, uint64_t end,
                                    enum allocate_size size);

/* Return the first offset from `offset` on, which lies before the end, that is data or a hole. The
   end of the file is a hole. With a store, what has room is data. The vnode's lock is held. -ENXIO:
   there is no data; -EIO, -ENOMEM, -EINTR. */
int64_t pagecache_next_data(struct pagecache *cache, uint64_t offset);
int64_t pagecache_next_hole(struct pagecache *cache, uint64_t offset);

/* Returns the end of what may have room: the size, or the end of a write that is going on. A store
   calls it under a lock of its own. */
uint64_t pagecache_reach(const struct pagecache *cache);

/* Writes the dirty pages of [first, end) back. What is written after the call has begun may be
   missed, and is dirty then. Returns 0 or the error of a page; the file's error is noted, too. The
   caller has a reference on the vnode, and holds no lock of RANK_WALK or above. */
int pagecache_writeback(struct pagecache *cache, uint64_t first, uint64_t end);

/* Drops the clean pages of [first, end) that no program has mapped, of a cache with a store.
   Returns their number. They are read again when they are needed. */
uint64_t pagecache_drop_clean(struct pagecache *cache, uint64_t first, uint64_t end);

/* Gives up clean pages of files with a store, `want` at most, those that nobody else holds
   (reclaim.c). Returns their number. The caller holds no lock of RANK_WALK or above. */
uint64_t pagecache_reclaim(uint64_t want);

/* Reads the pages of [first, end) that are absent, as far as there is memory that files may take.
   An error shows when a page is asked for. The caller holds no lock of RANK_WALK or above. */
void pagecache_fetch(struct pagecache *cache, uint64_t first, uint64_t end);

/* Writes the dirty pages of all files of a device back: of the file system on it, and of its node.
   What becomes dirty after the call has begun may be missed. Returns 0 or the first error. -EINTR:
   the thread is to be killed, or the device does not answer a thread of the kernel; the rest is not
   tried. */
int pagecache_writeback_device(uint64_t number);

/* Returns the error of a write-back that has failed since `seen` was set, and sets it; 0: none.
   pagecache_errors_seen returns the first `seen` of an open file. */
__must_check int pagecache_take_error(struct pagecache *cache, unsigned *seen);
unsigned pagecache_errors_seen(const struct pagecache *cache);

/* Returns the vnode of the page cache whose pager this is; NULL: it is another kind of pager. */
struct vnode *pagecache_vnode(struct pager *pager);

/* Wakes the threads that wait for pages of the cache, which look again. */
void pagecache_wake(struct pagecache *cache);

/* Returns the number of frames in all caches without a store. */
uint64_t pagecache_pages(void);

/* The pages of all caches with a store. */
struct pagecache_counts {
    uint64_t pages; /* in all */
    uint64_t dirty;
    uint64_t writing; /* being written; a page may be dirty again already */
};
struct pagecache_counts pagecache_counts(void);

/* Returns true if so many of these pages are dirty that they are to be written soon. */
bool pagecache_has_many_dirty(void);

/* Files leave some memory free for programs, so that a user who has filled the disk can still run
   rm. pagecache_room returns how many frames files may still take; pagecache_is_full returns true
   if that is 0. */
uint64_t pagecache_room(void);
bool pagecache_is_full(void);
