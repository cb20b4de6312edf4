/* Where the pages of a region come from, if not from nothing: vm/ asks, fs/ (or whoever has an object made of pages)
   answers. */
#pragma once

#include <mm/frame.h>

struct pager;

struct pager_ops {
    /* The frame that holds page `index` of the object, with a reference for the caller. May sleep; takes locks from
       RANK_CACHE on. -ENXIO: beyond the object's end; -EIO: unreadable; -ENOMEM. */
    int (*page)(struct pager *pager, uint64_t index, struct frame **frame);

    /* References on the object itself, one for each region. */
    void (*get)(struct pager *pager);
    void (*put)(struct pager *pager);

    /* The object's name for /proc/PID/maps, into `buf`; its inode number is returned. */
    uint64_t (*name)(struct pager *pager, char *buf, size_t size);
};

struct pager {
    const struct pager_ops *ops;
};
