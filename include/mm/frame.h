/* Physical memory, frame by frame.

   Every page of RAM has a descriptor of 16 bytes. A frame is free (in a buddy list or in a CPU's
   cache), or it has references. Its count equals the number of page-table entries, page caches
   and kernel owners that hold it (design.md, rule 4; vm/audit.c counts them again). */
#pragma once

#include <arch/atomic.h>
#include <arch/event.h>
#include <arch/history.h>
#include <arch/page.h>
#include <arch/spinlock.h>

enum frame_kind {
    FRAME_RESERVED,    /* not ours to give: firmware, the kernel image, the tables made at boot */
    FRAME_FREE,        /* in a buddy list */
    FRAME_FREE_CACHED, /* in a CPU's cache of free frames */
    FRAME_ANON,        /* a user's private memory */
    FRAME_TABLE,       /* a page table of a vspace */
    FRAME_CACHE,       /* a page of a file, or of another pager's object */
    FRAME_HEAP,        /* of the kernel heap */
    FRAME_KSTACK,      /* of a kernel stack */
    FRAME_KERNEL,      /* anything else that has exactly one owner in the kernel */
    FRAME_ZERO,        /* the zero page: one reference for ever; get and put do not count */
    FRAME_KINDS,
};

struct frame {
    uint32_t refcount; /* atomic; 0: free */
    union {
        uint32_t next;    /* free: pfn of the next in its buddy list (frames lock) */
        uint32_t recount; /* audit: references found so far; only while the world is stopped */
    };
    union {
        uint32_t prev;  /* free: pfn of the one before (frames lock) */
        uint32_t owner; /* FRAME_HEAP: the size class (heap lock) */
        uint32_t used;  /* FRAME_TABLE: the groups with entries that are not absent (its lock) */
    };
    uint8_t kind;         /* enum frame_kind; changes only with the refcount from or to 0 */
    uint8_t order;        /* of the run that starts here: 2^order frames */
    struct spinlock lock; /* FRAME_TABLE: guards the entries that are to be changed (RANK_TABLE) */
};

_Static_assert(sizeof(struct frame) <= 16, "a frame descriptor takes 16 bytes");

/* The highest order: runs of up to 2^10 frames, 4 MiB. */
#define FRAME_MAX_ORDER 10

/* DEBUG: every 8 bytes of a frame that was allocated without zeroing, and of one that was freed. As
   addresses, neither is canonical. */
#define FRAME_FRESH 0xa5a5a5a5a5a5a5a5ul
#define FRAME_FREED 0xdfdfdfdfdfdfdfdful

/* The descriptors, indexed by pfn, and their number. Fixed after frame_init. */
extern struct frame *frames;
extern uint32_t frame_count;

/* Takes over the memory that boot_free_ranges names. Called once, at boot. */
void frame_init(void);

/* Adds [start, end), whole pages that were reserved until now, to the free frames. */
void frame_add_range(paddr_t start, paddr_t end);

/* Returns one frame with one reference, contents undefined; NULL if memory is out. */
__must_check struct frame *frame_alloc(enum frame_kind kind);

/* Returns one frame with one reference, filled with zeros; NULL if memory is out. */
__must_check struct frame *frame_alloc_zeroed(enum frame_kind kind);

/* Returns 2^order contiguous frames, aligned to their size, or NULL if no run is free. The first
   frame has one reference, which stands for all of them. */
__must_check struct frame *frame_alloc_run(enum frame_kind kind, unsigned order);

/* Makes the last `nframes` free frames a reserve. A request gets a frame of the reserve only if
   may_take(n) returns true, where n is the number of frames that the current thread requests.
   refused() is called by a thread that gets no frame, or no run, because memory is short. Both are
   called while locks are held, and so take none. Called once, at boot. */
void frame_set_reserve(uint32_t nframes, bool (*may_take)(uint32_t nframes), void (*refused)(void));

/* Returns the size of the reserve in frames. */
uint32_t frame_reserve(void);

/* Returns true if `nframes` frames are free above the reserve, without those in caches. Other CPUs
   may take them at any time. */
bool frame_has_room(uint32_t nframes);

/* Gives the free frames that this CPU caches back to the lists, where every CPU finds them. */
void frame_cache_drain(void);

static inline uint32_t frame_to_pfn(const struct frame *frame)
{
    return frame - frames;
}

/* Panics: an assertion about a frame has failed. `what` follows its number and kind. */
__noreturn void frame_panic(const struct frame *frame, const char *what);

/* Takes another reference. The caller holds one, or a lock that keeps one in place. All CPUs show the
   zero page, so its references are not counted: the CPUs would write one word in turn. */
static inline void frame_get(struct frame *frame)
{
    if (unlikely(frame->kind == FRAME_ZERO))
        return;
    uint32_t refs = EVENT_COUNT(frame_get, atomic_add_fetch(&frame->refcount, 1u),
                                frame_to_pfn(frame), EVENT_CALLER);

    if (unlikely(refs <= 1))
        frame_panic(frame, refs ? "is free and gets a reference" : "has too many references");
}

/* Drops one reference; the last frees the frame (or run). A FRAME_TABLE goes through table_put of
   vm/pte.h, which drops what its entries hold first. */
void frame_put(struct frame *frame);

/* Drops one reference. Returns true if it was the last; then the caller alone owns the frame,
   and passes it to frame_free. */
static inline __must_check bool frame_put_testzero(struct frame *frame)
{
    if (unlikely(frame->kind == FRAME_ZERO))
        return false;
    history_note(frame_to_pfn(frame), HISTORY_PUT);
    uint32_t refs = EVENT_COUNT(frame_put, atomic_sub_fetch(&frame->refcount, 1u),
                                frame_to_pfn(frame), EVENT_CALLER);

    if (unlikely(refs == UINT32_MAX))
        frame_panic(frame, "has no reference to put");
    return refs == 0;
}

/* Frees a frame that has lost its last reference. Zeroed: it is full of zeros, so that the next user
   of zeros on this CPU need not fill it again. */
void frame_free(struct frame *frame);
void frame_free_zeroed(struct frame *frame);

/* Returns the number of references now. The number is exact only if the caller prevents changes. */
uint32_t frame_refs(const struct frame *frame);

/* Returns the number of frames of a kind. FRAME_FREE counts all free frames, including those in
   caches. FRAME_RESERVED counts frames that the kernel never owned. The sum is exact only while
   all CPUs stand still. */
uint64_t frame_usage(enum frame_kind kind);

/* "anon", "table", ... */
const char *frame_kind_name(enum frame_kind kind);

static inline bool frame_is_free(const struct frame *frame)
{
    return frame->kind == FRAME_FREE || frame->kind == FRAME_FREE_CACHED;
}

static inline struct frame *pfn_to_frame(uint32_t pfn)
{
    return &frames[pfn];
}

static inline paddr_t frame_to_phys(const struct frame *frame)
{
    return (paddr_t)frame_to_pfn(frame) << PAGE_SHIFT;
}

static inline struct frame *phys_to_frame(paddr_t addr)
{
    return pfn_to_frame(addr >> PAGE_SHIFT);
}

static inline void *frame_to_virt(const struct frame *frame)
{
    return phys_to_virt(frame_to_phys(frame));
}

static inline struct frame *virt_to_frame(const void *p)
{
    return phys_to_frame(virt_to_phys(p));
}

/* Whole pages, in 8-byte steps. */
void page_zero(void *page);
void page_copy(void *to, const void *from);
