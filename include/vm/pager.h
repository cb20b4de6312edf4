/* Pagers: the sources of pages for regions that are not anonymous. vm/ asks for a page, and the
   owner of the object answers; most often this is fs/.

   A pager knows the regions that map its object, so that truncation goes to these only
   (reverse.c). */
#pragma once

#include <sys/queue.h>
#include <mm/frame.h>

struct pager;
struct vregion;

struct pager_ops {
    /* Returns in `frame` the page `index` of the object, with a reference for the caller. Takes
       locks from RANK_CACHE on, and never sleeps for a device. -EAGAIN: the page is being read, so
       the caller lets its locks go, waits, and starts over; -ENXIO: beyond the object's end; -EIO:
       unreadable; -ENOMEM. */
    int (*page)(struct pager *pager, uint64_t index, struct frame **frame);

    /* Waits until the page is read, or cannot be. The caller has a reference on the object, and
       holds no lock. -EINTR: the thread is to be killed. NULL if `page` never returns -EAGAIN. */
    int (*wait)(struct pager *pager, uint64_t index);

    /* Returns true if page() would find the page `index` in memory. May sleep; takes locks from
       RANK_CACHE on. */
    bool (*has)(struct pager *pager, uint64_t index);

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
