/* Pagers: where the pages of a region come from, if the region is not anonymous. vm/ asks, and fs/,
   or whoever has an object made of pages, answers. */
#pragma once

#include <mm/frame.h>

struct pager;

struct pager_ops {
    /* Returns in `frame` the page `index` of the object, with a reference for the caller. May
       sleep; takes locks from RANK_CACHE on. -ENXIO: beyond the object's end; -EIO: unreadable;
       -ENOMEM. */
    int (*page)(struct pager *pager, uint64_t index, struct frame **frame);

    /* Take and drop references on the object itself; each region holds one. */
    void (*get)(struct pager *pager);
    void (*put)(struct pager *pager);

    /* Writes the object's name for /proc/PID/maps into `buf`; returns its inode number. */
    uint64_t (*name)(struct pager *pager, char *buf, size_t size);
};

struct pager {
    const struct pager_ops *ops; /* constant */
};
