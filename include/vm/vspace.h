/* An address space: its regions (promises), its page table (promises kept), and its account: heap,
   stack, sizes and limits.

   Lock: `lock` (RANK_VSPACE, sleeps). Readers fault pages in and look at regions; writers change
   regions, and fork. Functions take the lock themselves; callers of those that end in _locked hold
   it. */
#pragma once

#include <sched/lock.h>
#include <vm/pagetable.h>
#include <vm/vregion.h>

/* The outcomes of a fault; each is counted. The failures begin with FAULT_NOT_MAPPED. */
enum fault_outcome {
    FAULT_ZERO_MAPPED,    /* a read: the shared zero page */
    FAULT_ZERO_FILLED,    /* a zeroed frame of its own */
    FAULT_FILE_MAPPED,    /* a read of a private file page: the file's own, read-only */
    FAULT_FILE_COPIED,    /* a private copy of a file page */
    FAULT_SHARED_MAPPED,  /* a page of a shared object */
    FAULT_SHARED_DIRTIED, /* a first write to a page of a shared object */
    FAULT_REUSED, /* a write to what was shared once and has one owner now: W set, no page copied */
    FAULT_COPIED, /* a write to a shared private page: a copy */
    FAULT_SPURIOUS,    /* another thread was first, or this CPU's TLB is behind */
    FAULT_NOT_MAPPED,  /* SIGSEGV: no region */
    FAULT_NOT_ALLOWED, /* SIGSEGV: the region does not allow it */
    FAULT_NO_PAGE,     /* SIGBUS: beyond the end of the file, or unreadable */
    FAULT_NO_MEMORY,   /* SIGKILL: no frame */
    FAULT_INTERRUPTED, /* the thread is to be killed, and does not wait for a page */
    FAULT_OUTCOMES,
};

/* The limits of a process, as far as they concern memory, in bytes; ~0ul: none. */
struct vspace_limits {
    uint64_t data;   /* RLIMIT_DATA: private writable memory, heap included, stack not */
    uint64_t space;  /* RLIMIT_AS: all regions together */
    uint64_t stack;  /* RLIMIT_STACK: one stack that grows */
    uint64_t locked; /* RLIMIT_MEMLOCK: locked regions */
};

/* The account of a vspace, which fork copies in one assignment. (v) the vspace's lock; (c)
   constant once a thread runs. */
struct vspace_account {
    uint64_t mapped_bytes;       /* (v) of all regions */
    uint64_t mapped_peak;        /* (v) the most that this has been */
    uint64_t data_bytes;         /* (v) of private writable regions, the stack aside */
    uint64_t locked_bytes;       /* (v) of locked regions */
    unsigned new_flags;          /* (v) the VREGION_ bits of each new region */
    uaddr_t heap_start;          /* (c) where the heap begins; page aligned */
    uaddr_t brk;                 /* (v) the break; bytes */
    uaddr_t mmap_top;            /* (c) mmap looks for room below this first; 0: USER_END */
    struct vspace_limits limits; /* (v) */
};

/* How often each outcome has been on one CPU. The gap keeps the words of two CPUs in different cache
   lines. */
struct fault_counts {
    uint64_t faults[FAULT_OUTCOMES]; /* atomic, as a thread may move while it counts */
    char unused[CACHE_LINE];
};

/* (v) the vspace's lock; (a) atomic; (c) constant. */
struct vspace {
    struct rwlock lock;
    uint64_t number;               /* (c) no other vspace has had it since boot */
    unsigned refs;                 /* (a) the threads, and visitors; the last destroys it */
    struct pagetable pagetable;    /* (v), and the tables' own locks */
    struct vregion_tree regions;   /* (v) */
    struct vspace_account account; /* see there */
    LIST_ENTRY(vspace) all;        /* the list's lock */
    struct fault_counts counts[];  /* (a) one for each CPU that runs */
};

/* Makes an empty vspace for one thread. -ENOMEM. */
__must_check int vspace_create(const struct vspace_limits *limits, struct vspace **vspace);

/* Makes a copy of `parent` for one thread: the same regions, the whole tree shared. -ENOMEM:
   nothing has changed. */
__must_check int vspace_fork(struct vspace *parent, struct vspace **child);

/* A thread that may run in the vspace comes or goes, with its reference. A thread is added only by
   one that is there already. The CPU of a thread that leaves has loaded another space. */
void vspace_enter(struct vspace *vspace);
void vspace_leave(struct vspace *vspace);

/* A reference keeps the vspace. Its holder runs no thread in it, and writes to its pages by
   vspace_poke only. */
void vspace_get(struct vspace *vspace);
void vspace_put(struct vspace *vspace);

/* The properties of a new region. */
struct map_request {
    uaddr_t start; /* page aligned; a wish if !fixed */
    uint64_t len;  /* bytes, a multiple of the page size, not 0 */
    unsigned prot;
    enum vregion_kind kind;
    uint8_t flags; /* VREGION_ bits */
    bool shared;
    bool no_write;       /* with shared: the rights may not grow by W */
    bool fixed;          /* exactly there, replacing what is there */
    bool low;            /* if !fixed: in the second GiB, where 32 bits hold an address */
    bool no_replace;     /* with fixed: -EEXIST if something is there */
    struct pager *pager; /* NULL: anonymous; a reference is taken for the region */
    uint64_t pager_page;
    uaddr_t data_end; /* as in struct vregion; 0: DATA_FILLS, if there is a pager */
};

/* Promises a range; no page becomes present. With `fixed`, what is there is unmapped first. Returns
   in `start` where it is. -ENOMEM (no room, over a limit, or out of memory), -EAGAIN (over
   RLIMIT_MEMLOCK), -EEXIST, -EPERM (fixed, below USER_START); then nothing has changed. */
__must_check int vspace_map(struct vspace *vspace, const struct map_request *request,
                            uaddr_t *start);

/* Drops the regions of [start, end), which is page aligned in the user's half, and the pages in it.
   -ENOMEM: nothing has changed. */
__must_check int vspace_unmap(struct vspace *vspace, uaddr_t start, uaddr_t end);

/* Drops the pages in [start, end), which is page aligned. The regions stay, and a later access
   faults the pages in again. -EINVAL: a region has a feature of `forbidden` (VREGION_ bits), and
   what lies before it is done; -ENOMEM: part of the range has no region, and the rest is done; or
   out of memory, and nothing has changed. */
__must_check int vspace_discard(struct vspace *vspace, uaddr_t start, uaddr_t end,
                                unsigned forbidden);

/* Checks the regions of [start, end), which is page aligned. -EINVAL: one has a feature of
   `forbidden` (VREGION_ bits); -ENOMEM: a part of the range has no region. */
__must_check int vspace_check_mapped(struct vspace *vspace, uaddr_t start, uaddr_t end,
                                     unsigned forbidden);

/* Changes the flags of the regions of [start, end), which is page aligned. -ENOMEM: RLIMIT_MEMLOCK
   has no room, and nothing has changed; a part of the range has no region, and the rest is done; or
   out of memory. -EINVAL: a region has a feature that is forbidden. After the last two, and where
   holes are fatal, what lies before is done. */
struct flags_change {
    uint8_t clear, set; /* VREGION_ bits, as is `forbidden` */
    uint8_t forbidden;
    bool holes_are_fatal;
};

__must_check int vspace_change_flags(struct vspace *vspace, uaddr_t start, uaddr_t end,
                                     const struct flags_change *change);

/* Sets the flags of new regions: mlockall(2). */
void vspace_set_new_flags(struct vspace *vspace, unsigned flags);

/* A change of size or place of what begins at `from`: mremap(2). */
struct remap_request {
    uaddr_t from;     /* page aligned, as are all fields here */
    uint64_t old_len; /* 0: a shared region is doubled */
    uint64_t new_len; /* not 0 */
    uaddr_t to;       /* a wish if !fixed; 0: anywhere. The ranges do not overlap */
    bool may_move;
    bool fixed; /* exactly to `to`, replacing what is there; may_move is set */
    bool keep;  /* the old regions stay, and lose their pages; old_len is new_len */
};

/* Returns in `start` where the range is then. If it is fixed and keeps its size, it may have several
   regions; else one. -EFAULT: no such region; -EINVAL: a private region is doubled, or the range ends
   above the user's half; -EAGAIN, -EPERM as of vspace_map; -ENOMEM: limits, no room, or out of memory.
   Then nothing has changed, but of several regions those before the one that could not be moved. */
__must_check int vspace_remap(struct vspace *vspace, const struct remap_request *request,
                              uaddr_t *start);

/* Map and unmap for a caller that holds the vspace's lock for writing. */
__must_check int vspace_map_locked(struct vspace *vspace, const struct map_request *request,
                                   uaddr_t *start);
__must_check int vspace_unmap_locked(struct vspace *vspace, uaddr_t start, uaddr_t end);

/* Changes the rights of [start, end), which is page aligned. -ENOMEM: the range has a hole, or
   RLIMIT_DATA has no room for one of its regions; -EACCES: a region has no_write; what lies before
   that has changed. Or out of memory, and nothing has changed. */
__must_check int vspace_protect(struct vspace *vspace, uaddr_t start, uaddr_t end, unsigned prot);

/* Grows the stack above `addr` down to its page, unless a region is there already. Returns false if
   there is no stack, or it may not grow so far: the limits, or a region in its guard. Never
   allocates. With _locked, the caller holds the vspace's lock for writing. */
bool vspace_grow_stack(struct vspace *vspace, uaddr_t addr);
bool vspace_grow_stack_locked(struct vspace *vspace, uaddr_t addr);

/* Sets the break, as brk(2). Returns the new break, or the old one if it cannot move. */
uaddr_t vspace_brk(struct vspace *vspace, uaddr_t brk);

/* Moves the break by `delta` bytes (design.md, section 5). Returns the old break in `old`: the
   current one if a shrink would pass the start of the heap, which changes nothing. -ENOMEM: nothing
   has changed. */
__must_check int vspace_sbrk(struct vspace *vspace, int64_t delta, uaddr_t *old);

/* Returns the pager of the MAP_SHARED region at `addr`, with a reference (`writes` false), and in
   `offset` which byte of its object `addr` shows. NULL: there is no such region. Lock: taken, for
   reading. */
__must_check struct pager *vspace_shared_object(struct vspace *vspace, uaddr_t addr,
                                                uint64_t *offset);

/* Go over the regions that show a page of [first, end) of `pager`, in every vspace.
   vspace_forget_pages drops these pages, and private copies of them; a later access asks the pager
   again. vspace_punch_pages leaves private copies. vspace_clean_pages clears W in the entries of
   shared regions, so the next write asks the pager again. Never fail, never allocate. The caller
   sees to it that there is one such walk at a time for a pager. Locks: each vspace's in turn, for
   writing. */
void vspace_forget_pages(struct pager *pager, uint64_t first, uint64_t end);
void vspace_punch_pages(struct pager *pager, uint64_t first, uint64_t end);
void vspace_clean_pages(struct pager *pager, uint64_t first, uint64_t end);

/* Returns how often the faults in the vspace have ended like this, over all CPUs. */
uint64_t vspace_fault_count(const struct vspace *vspace, enum fault_outcome outcome);

/* Calls `each` for all vspaces, until it returns false. */
void vspace_for_each(bool (*each)(struct vspace *vspace, void *arg), void *arg);

/* DEBUG: panics unless the regions are in order, and every entry in [start, end), which is page
   aligned, is what its region allows. The caller holds the vspace's lock, or no other thread has
   seen the vspace yet. Without DEBUG, does nothing. */
#if defined(DEBUG) && !defined(NO_VSPACE_CHECK)
void vspace_check(struct vspace *vspace, uaddr_t start, uaddr_t end);
#else
static inline void vspace_check(struct vspace *vspace __unused, uaddr_t start __unused,
                                uaddr_t end __unused)
{
}
#endif
