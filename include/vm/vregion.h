/* Regions: what ranges of addresses may hold. A vspace keeps its regions in a balanced tree, ordered by address and
   never overlapping; each node also knows the largest hole below its subtree's regions, so that finding a region and
   finding room both cost O(log n).

   Nothing here looks at a page table. Lock: the vspace's (v), for reading or writing as the operation says. */
#pragma once

#include <sys/tree.h>
#include <vm/pager.h>

/* What may be done with the pages of a region. */
#define PROT_R (1u << 0)
#define PROT_W (1u << 1)
#define PROT_X (1u << 2)

enum vregion_kind {
    VREGION_MAP,   /* mmap, or a segment of the program */
    VREGION_HEAP,  /* below the break */
    VREGION_STACK, /* a first read gets a frame at once: the write will follow */
};

struct vregion {
    RB_ENTRY(vregion) node;
    uaddr_t start, end;  /* (v) [start, end), page aligned */
    uint8_t prot;        /* (v) PROT_ bits */
    uint8_t kind;        /* (v) enum vregion_kind */
    bool shared;         /* (v) MAP_SHARED: has a pager, whose frames all sharers write */
    struct pager *pager; /* (v) one reference; NULL: anonymous */
    uint64_t pager_page; /* (v) the page of the pager's object that `start` shows */
    /* (v) where the pager's bytes end; from here on a private region reads as zeros. Not page aligned. Without a
       pager, 0. */
    uaddr_t data_end;
    uint64_t gap;     /* (v) bytes between the region before (or USER_START) and `start` */
    uint64_t max_gap; /* (v) the largest gap in the subtree */
};

RB_HEAD(vregion_tree, vregion);

/* A region like `like`, with a reference on its pager, in no tree; NULL if memory is out. */
__must_check struct vregion *vregion_alloc(const struct vregion *like);

/* Gives back a region that is in no tree, and its pager's reference. */
void vregion_free(struct vregion *region);

/* The region that holds `addr`, or NULL. */
struct vregion *vregion_find(struct vregion_tree *tree, uaddr_t addr);

/* The first region that ends above `addr`, or NULL. */
struct vregion *vregion_find_from(struct vregion_tree *tree, uaddr_t addr);

/* The last region that ends at or below `addr`, which lies in no region; NULL if there is none. */
struct vregion *vregion_find_below(struct vregion_tree *tree, uaddr_t addr);

/* The regions with the lowest and the highest addresses; NULL if there is none. */
struct vregion *vregion_first(struct vregion_tree *tree);
struct vregion *vregion_last(struct vregion_tree *tree);

struct vregion *vregion_next(struct vregion *region);
struct vregion *vregion_prev(struct vregion *region);

/* Whether a region overlaps [start, end). */
bool vregion_overlaps(struct vregion_tree *tree, uaddr_t start, uaddr_t end);

/* The highest hole of `len` bytes that ends at or below `top`: its start; 0 if there is none. */
uaddr_t vregion_find_gap(struct vregion_tree *tree, uint64_t len, uaddr_t top);

/* Puts a region, which overlaps no other, into the tree; takes one out. */
void vregion_insert(struct vregion_tree *tree, struct vregion *region);
void vregion_remove(struct vregion_tree *tree, struct vregion *region);

/* Changes where a region of the tree begins or ends, within its neighbours; keeps pager_page in step. */
void vregion_resize(struct vregion_tree *tree, struct vregion *region, uaddr_t start, uaddr_t end);

/* Cuts `region` at `addr`, inside it; the upper part becomes `upper`, an empty one from vregion_alloc(region). */
void vregion_split(struct vregion_tree *tree, struct vregion *region, uaddr_t addr,
                   struct vregion *upper);

/* Joins the region with its neighbours where nothing tells them apart; returns what `region` has become. */
struct vregion *vregion_merge(struct vregion_tree *tree, struct vregion *region);

/* Bytes. */
uint64_t vregion_len(const struct vregion *region);
