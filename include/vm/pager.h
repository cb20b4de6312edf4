/* Pagers: the sources of pages for regions that are not anonymous. vm/ asks for a page, and the
   owner of the object answers; most often this is fs/.

   A pager knows the regions that map its object, so that truncation and write-back go to these only
   (reverse.c).

   Always true: if W is set in a leaf with PTE_SHARED, the object has its page marked as dirty. The
   fault handler asks for the page "for writing" before it sets W, and write-back clears W before it
   takes a page for clean. So no dirty bit of an entry needs to reach the object. */
#pragma once

#include <sys/queue.h>
#include <mm/frame.h>

struct pager;
struct vregion;

/* What a page is wanted for. PAGER_WRITE marks it as dirty. */
enum pager_use { PAGER_READ, PAGER_WRITE };

struct pager_ops {
    /* Returns in `frame` the page `index` of the object, with a reference for the caller. Takes
       locks from RANK_CACHE on, and never sleeps for a device. -EAGAIN: the page is not ready for
       this use, so the caller lets its locks go, calls `wait`, and starts over; -ENXIO: beyond the
       object's end; -ENOMEM. */
    int (*page)(struct pager *pager, uint64_t index, enum pager_use use, struct frame **frame);

    /* Makes the page ready for the use, or waits until another thread has done so: reads it, or
       finds room on the device. The caller has a reference on the object, and holds no lock of
       RANK_VSPACE or above. -EINTR: the thread is to be killed; -EIO; -ENOSPC, -EDQUOT: no room to
       write it; -ENOMEM. NULL if `page` never returns -EAGAIN. */
    int (*wait)(struct pager *pager, uint64_t index, enum pager_use use);

    /* Returns true if page() would find the page `index` in memory. May sleep; takes locks from
       RANK_CACHE on. */
    bool (*has)(struct pager *pager, uint64_t index);

    /* Returns true if `frame` is the page `index` of the object, and, for PAGER_WRITE, dirty. For
       the audit: takes no lock. */
    bool (*is_page)(struct pager *pager, uint64_t index, enum pager_use use,
                    const struct frame *frame);

    /* Take and drop references on the object itself; each region holds one. `writes` is true for a
       MAP_SHARED region through which programs may write the object. */
    void (*get)(struct pager *pager, bool writes);
    void (*put)(struct pager *pager, bool writes);

    /* Writes the object's name for /proc/PID/maps into `buf`; returns its inode number. */
    uint64_t (*name)(struct pager *pager, char *buf, size_t size);

    /* A region has come into a vspace (1), or leaves it (-1). NULL, unless the owner counts regions;
       those that it counts are not merged. Lock: the vspace's, unless that ends. */
    void (*mapped)(struct pager *pager, int change);
};

TAILQ_HEAD(sharers, vregion);

struct pager {
    const struct pager_ops *ops; /* constant */
    struct spinlock lock;        /* RANK_SPACES */
    struct sharers regions; /* (lock) that have this pager; first those that the walk has passed */
    uint64_t walk;          /* (lock) the number of the last walk */
};

void pager_init(struct pager *pager, const struct pager_ops *ops);

/* A region with a pager has come into the tree of a vspace, leaves it, or has become part of `low`,
   which goes on without it. Lock: the vspace's, for writing. */
void pager_add_region(struct vregion *region);
void pager_remove_region(struct vregion *region);
void pager_merge_region(struct vregion *low, const struct vregion *high);

/* Returns true if a region lets programs write the object. The list is as long as there are regions
   that map it. */
bool pager_has_writers(struct pager *pager);

/* A walk over the regions of a pager; there is one at a time. Next returns the region to come to,
   or NULL at the end. Pass tells that the walk has come to it, or need not. Lock, except for begin:
   the pager's. */
void pager_walk_begin(struct pager *pager);
struct vregion *pager_walk_next(struct pager *pager);
void pager_walk_pass(struct pager *pager, struct vregion *region);
