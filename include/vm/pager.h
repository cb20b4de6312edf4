/* Pagers: the sources of pages for regions that are not anonymous. vm/ asks for a page, and the
   owner of the object answers; most often this is fs/. */
#pragma once

#include <mm/frame.h>

struct pager;

struct pager_ops {
    /* Returns in `frame` the page `index` of the object, with a reference for the caller. May
       sleep; takes locks from RANK_CACHE on. -ENXIO: beyond the object's end; -EIO: unreadable;
       -ENOMEM. */
    int (*page)(struct pager *pager, uint64_t index, struct frame **frame);

    /* Returns true if page() would find the page `index` in memory. May sleep; takes locks from
       RANK_CACHE on. */
    bool (*has)(struct pager *pager, uint64_t index);

    /* Take and drop references on the object itself; each region holds one. */
    void (*get)(struct pager *pager);
    void (*put)(struct pager *pager);

    /* Writes the object's name for /proc/PID/maps into `buf`; returns its inode number. */
    uint64_t (*name)(struct pager *pager, char *buf, size_t size);
};

struct pager {
    const struct pager_ops *ops; /* constant */
};
