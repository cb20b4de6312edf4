/* An address space: its regions (promises), its page table (promises kept), its heap, its stack and its limits.

   Lock: `lock` (RANK_VSPACE, sleeps): for reading to fault pages in and to look at regions; for writing to change
   regions, and to fork. Functions take it themselves; those that end in _locked want it held. */
#pragma once

#include <sched/lock.h>
#include <vm/pagetable.h>
#include <vm/vregion.h>

/* How a fault ended; each is counted. Those from FAULT_NOT_MAPPED on are failures. */
enum fault_outcome {
    FAULT_ZERO_MAPPED,    /* a read: the shared zero page */
    FAULT_ZERO_FILLED,    /* a zeroed frame of its own */
    FAULT_FILE_MAPPED,    /* a read of a private file page: the file's own, read-only */
    FAULT_FILE_COPIED,    /* a private copy of a file page */
    FAULT_SHARED_MAPPED,  /* a page of a shared object */
    FAULT_SHARED_DIRTIED, /* a first write to a page of a shared object */
    FAULT_TAKEN,  /* a write to what was shared once and is now mine alone: W set, nothing copied */
    FAULT_COPIED, /* a write to a shared private page: a copy */
    FAULT_SPURIOUS,    /* the walk was sufficient: this CPU's TLB was behind */
    FAULT_NOT_MAPPED,  /* SIGSEGV: no region */
    FAULT_NOT_ALLOWED, /* SIGSEGV: the region does not allow it */
    FAULT_NO_PAGE,     /* SIGBUS: beyond the end of the file, or unreadable */
    FAULT_NO_MEMORY,   /* SIGKILL: no frame */
    FAULT_OUTCOMES,
};

/* A process's limits, as far as they concern memory, in bytes; ~0ul: none. */
struct vspace_limits {
    uint64_t data;  /* RLIMIT_DATA: private writable memory, heap included, stack not */
    uint64_t space; /* RLIMIT_AS: all regions together */
};

/* (v) the vspace's lock; (a) atomic; (c) constant. */
struct vspace {
    struct rwlock lock;
    struct pagetable pagetable;      /* (v), and the tables' own locks */
    struct vregion_tree regions;     /* (v) */
    uint64_t mapped_bytes;           /* (v) of all regions */
    uint64_t mapped_peak;            /* (v) the most that this has been */
    uint64_t data_bytes;             /* (v) of private writable regions, the stack aside */
    uaddr_t heap_start;              /* (c) where the heap begins; page aligned */
    uaddr_t brk;                     /* (v) the break; bytes */
    uaddr_t stack_start;             /* (c) the lowest address of the stack; below it, the guard */
    struct vspace_limits limits;     /* (v) */
    uint64_t faults[FAULT_OUTCOMES]; /* (a) */
    LIST_ENTRY(vspace) all;          /* the list's lock */
};

/* Below the stack, at least this much is never mapped. */
#define STACK_GUARD_SIZE (256 * PAGE_SIZE)

/* An empty vspace with one user, the caller; -ENOMEM. */
__must_check int vspace_create(const struct vspace_limits *limits, struct vspace **vspace);

/* A copy of `parent`: the same regions, the whole tree shared. -ENOMEM: nothing has changed. */
__must_check int vspace_fork(struct vspace *parent, struct vspace **child);

/* Users are threads that run in it. The last put destroys it; it must not be loaded on any CPU then. */
void vspace_get(struct vspace *vspace);
void vspace_put(struct vspace *vspace);

/* What a new region is to be. */
struct map_request {
    uaddr_t start; /* page aligned; a wish if !fixed */
    uint64_t len;  /* bytes, a multiple of the page size, not 0 */
    unsigned prot;
    enum vregion_kind kind;
    bool shared;
    bool fixed;          /* exactly there, replacing what is there */
    bool no_replace;     /* with fixed: -EEXIST if something is there */
    struct pager *pager; /* NULL: anonymous; a reference is taken for the region */
    uint64_t pager_page;
    uaddr_t data_end; /* 0: the pager's bytes fill the region */
};

/* Promises a range; no frame is touched. Where it is into `start`. -ENOMEM (no room, over a limit, or no memory),
   -EINVAL, -EEXIST; then nothing has changed. */
__must_check int vspace_map(struct vspace *vspace, const struct map_request *request,
                            uaddr_t *start);

/* Takes promises, and what was kept of them, back. [start, end) is page aligned in the user's half. -ENOMEM: nothing
   has changed. */
__must_check int vspace_unmap(struct vspace *vspace, uaddr_t start, uaddr_t end);

/* Takes back what was kept in a range like that; the promises stay, and are kept anew when they are called for. -ENOMEM:
   part of it is not promised, the rest is done; or no memory, and nothing has changed. */
__must_check int vspace_discard(struct vspace *vspace, uaddr_t start, uaddr_t end);

/* -ENOMEM: part of a range like that is not promised. */
__must_check int vspace_check_mapped(struct vspace *vspace, uaddr_t start, uaddr_t end);

/* Map and unmap with the vspace's lock held, for writing. */
__must_check int vspace_map_locked(struct vspace *vspace, const struct map_request *request,
                                   uaddr_t *start);
__must_check int vspace_unmap_locked(struct vspace *vspace, uaddr_t start, uaddr_t end);

/* Changes rights. -ENOMEM: part of the range has no region, RLIMIT_DATA, or no memory; then nothing has changed (Linux
   may have changed what lies before a hole). */
__must_check int vspace_protect(struct vspace *vspace, uaddr_t start, uaddr_t end, unsigned prot);

/* Sets the break, as brk(2): the new break; the old one if it cannot be. */
uaddr_t vspace_brk(struct vspace *vspace, uaddr_t brk);

/* Moves the break by `delta` bytes (design.md section 5): the old break into `old` (the current one if a shrink would
   pass the start of the heap, which then changes nothing). -ENOMEM: nothing has changed. */
__must_check int vspace_sbrk(struct vspace *vspace, int64_t delta, uaddr_t *old);

/* Writes into a vspace that no thread runs yet (exec fills the stack), through the fault handler. -EFAULT, -ENOMEM. */
__must_check int vspace_write(struct vspace *vspace, uaddr_t to, const void *from, size_t len);

/* The page that holds `addr`, writable, for the same purpose: its address in the direct map. -EFAULT, -ENOMEM. */
__must_check int vspace_page_for_write(struct vspace *vspace, uaddr_t addr, void **page);

/* Reads a vspace that others may run into kernel memory; the fault handler keeps its promises on the way. How many of the
   `len` bytes there are: fewer if it comes to what may not be read. The caller has a reference. May sleep; takes the
   vspace's lock, for writing. */
__must_check size_t vspace_read(struct vspace *vspace, uaddr_t from, void *to, size_t len);

/* Takes the pages of `pager` from page `first` on, and private copies of them, out of every vspace; the regions stay,
   and a touch asks the pager again. Where there is no memory to make tables mine, a vspace keeps what it has: the
   frames are its own by count. Locks: each vspace's in turn, for writing. */
void vspace_forget_pages(struct pager *pager, uint64_t first);

/* All vspaces, for the audit. `each` returns false to stop. */
void vspace_for_each(bool (*each)(struct vspace *vspace, void *arg), void *arg);

/* What is promised, in bytes, and the tables for it. */
struct vspace_sizes {
    uint64_t mapped, mapped_peak;
    uint64_t data;  /* private and writable, the stack aside */
    uint64_t stack; /* as far as the stack may grow */
    uint64_t exec;  /* executable */
    uint64_t tables;
};

/* Lock: taken, for writing. */
struct vspace_sizes vspace_sizes(struct vspace *vspace);
