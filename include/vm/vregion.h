/* Regions: what ranges of addresses may hold. A vspace keeps its regions in a balanced tree,
   ordered by address, without overlap. Each node also knows the largest hole below the regions of
   its subtree, so finding a region and finding room both cost O(log n).

   Nothing here looks at a page table. Lock: the vspace's (v), held by the caller: for reading to
   look, for writing to change. */
#pragma once

#include <sys/tree.h>
#include <vm/pager.h>

/* The accesses that a region allows. */
#define PROT_R (1u << 0)
#define PROT_W (1u << 1)
#define PROT_X (1u << 2)

enum vregion_kind {
    VREGION_MAP,   /* mmap, or a segment of the program */
    VREGION_HEAP,  /* below the break */
    VREGION_STACK, /* grows down (stack.c); a first read gets a frame at once, because a write will
                      follow */
};

/* What a region is told beyond its rights: `flags`. Linux has the same with VM_. */
#define VREGION_LOCKED     (1u << 0) /* counts in RLIMIT_MEMLOCK; what mlock(2) locks is populated */
#define VREGION_ON_FAULT   (1u << 1) /* with LOCKED: not populated */
#define VREGION_DONTFORK   (1u << 2) /* a child does not have it */
#define VREGION_WIPEONFORK (1u << 3) /* a child has it, without pages */
#define VREGION_SEQUENTIAL \
    (1u << 4) /* as are the next two: only told, as borders of regions tell */
#define VREGION_RANDOM   (1u << 5)
#define VREGION_DONTDUMP (1u << 6)
#define VREGION_FILE     (1u << 7) /* never set: it has a pager (vregion_features) */

struct vregion_tree;

/* The `walk` of a new region, which no walk needs to come to. */
#define WALK_NONE UINT64_MAX

struct vregion {
    RB_ENTRY(vregion) node;
    struct vregion_tree *tree;    /* (v) the tree that holds it */
    TAILQ_ENTRY(vregion) sharers; /* with a pager: in the list of its regions; the pager's lock */
    uint64_t walk;                /* with a pager: the last walk that has passed; both locks */
    uaddr_t start, end;           /* (v) [start, end), page aligned */
    uint8_t prot;                 /* (v) PROT_ bits */
    uint8_t kind;                 /* (v) enum vregion_kind */
    uint8_t flags;                /* (v) VREGION_ bits */
    bool shared;                  /* (v) MAP_SHARED: has a pager, whose frames all sharers write */
    bool no_write; /* (v) shared, and mprotect may not add W: the file was not open for writing */
    struct pager *pager; /* (v) one reference; NULL: anonymous */
    uint64_t pager_page; /* (v) the page of the pager's object that `start` shows */
    uaddr_t data_end;    /* (v) the end of the pager's bytes: from here on a private region reads as
                            zeros. Not page aligned. DATA_FILLS: the object itself says where it
                            ends. 0 without a pager */
    uint64_t gap;        /* (v) bytes between the region before (or USER_START) and the floor */
    uint64_t max_gap;    /* (v) the largest gap in the subtree */
};

/* Below a stack, mmap leaves at least this many bytes free, unless it is told where to go, and a
   stack does not grow nearer to another region. */
#define STACK_GUARD_SIZE (256 * PAGE_SIZE)

#define DATA_FILLS (~0ul)

/* The most regions that a program can make: vm.max_map_count of Linux. */
#define VREGIONS_MAX 65530u

/* The regions of a vspace: RB_HEAD with a count. */
struct vregion_tree {
    struct vregion *rbh_root;
    unsigned count; /* (v) of the regions */
};

/* Returns true if programs may write the pager's object through the region, now or after an
   mprotect. */
static inline bool vregion_writes_object(const struct vregion *region)
{
    return region->shared && !region->no_write;
}

/* Returns the page of the pager's object that `addr`, in the region, shows. */
static inline uint64_t vregion_pager_page(const struct vregion *region, uaddr_t addr)
{
    return region->pager_page + ((addr - region->start) >> PAGE_SHIFT);
}

/* Returns a region like `like`, with a reference on its pager, in no tree; NULL if memory is
   out. */
__must_check struct vregion *vregion_alloc(const struct vregion *like);

/* Frees a region that is in no tree, and drops its pager's reference. */
void vregion_free(struct vregion *region);

/* Returns the region that holds `addr`, or NULL. */
struct vregion *vregion_find(struct vregion_tree *tree, uaddr_t addr);

/* Returns the first region that ends above `addr`, or NULL. */
struct vregion *vregion_find_from(struct vregion_tree *tree, uaddr_t addr);

/* Returns the last region that ends at or below `addr`, which lies in no region or is the start of
   one; NULL if there is none. */
struct vregion *vregion_find_below(struct vregion_tree *tree, uaddr_t addr);

/* Return the regions with the lowest and the highest addresses; NULL if there is none. */
struct vregion *vregion_first(struct vregion_tree *tree);
struct vregion *vregion_last(struct vregion_tree *tree);

/* Return the neighbours in the order of addresses; NULL at the end. */
struct vregion *vregion_next(struct vregion *region);
struct vregion *vregion_prev(struct vregion *region);

/* Returns true if a region overlaps [start, end). */
bool vregion_overlaps(struct vregion_tree *tree, uaddr_t start, uaddr_t end);

/* Returns the floor of a region, up to which mmap may use what is free below: its start, or, of a
   stack, the start of its guard. */
static inline uaddr_t vregion_floor(const struct vregion *region)
{
    if (region->kind != VREGION_STACK)
        return region->start;
    return region->start - min(region->start, (uaddr_t)STACK_GUARD_SIZE);
}

/* Returns the start of the highest hole of `len` bytes that ends at or below `top`; 0 if there is
   none. */
uaddr_t vregion_find_gap(struct vregion_tree *tree, uint64_t len, uaddr_t top);

/* Insert a region, which overlaps no other, and remove one. */
void vregion_insert(struct vregion_tree *tree, struct vregion *region);
void vregion_remove(struct vregion_tree *tree, struct vregion *region);

/* Fills an empty tree with copies of all regions, for which the caller calls pager_add_region
   later. -ENOMEM: with some of them. */
__must_check int vregion_clone_all(struct vregion_tree *to, const struct vregion_tree *from);

/* Removes and frees all regions. */
void vregion_free_all(struct vregion_tree *tree);

/* Changes where a region of the tree starts or ends, within its neighbours; pager_page follows. */
void vregion_resize(struct vregion *region, uaddr_t start, uaddr_t end);

/* Changes the rights and flags of a region of the tree. */
void vregion_set(struct vregion *region, unsigned prot, unsigned flags);

/* Splits `region` at `addr`, which lies inside it. `upper`, from vregion_alloc(region), becomes the
   upper part. */
void vregion_split(struct vregion_tree *tree, struct vregion *region, uaddr_t addr,
                   struct vregion *upper);

/* Merges the region with the neighbours that continue it. Returns the region that holds its
   addresses now. */
struct vregion *vregion_merge(struct vregion_tree *tree, struct vregion *region);

/* Returns the flags, and VREGION_FILE if the region has a pager. */
static inline unsigned vregion_features(const struct vregion *region)
{
    return region->flags | (region->pager ? VREGION_FILE : 0);
}

/* Returns the length in bytes. */
static inline uint64_t vregion_len(const struct vregion *region)
{
    return region->end - region->start;
}
