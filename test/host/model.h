/* The model: what memory is, without page tables, frames or caches.

   For every process a map from place to contents and rights, copied at fork; and the contents of the objects, which all
   share. An operation on the model is the definition of what the kernel and the simulated CPUs should do. */
#pragma once

#include <vm/fault.h>
#include "object.h"
#include "op.h"
#include "places.h"

struct model_page {
    bool mapped;
    bool shared;
    bool own;         /* private: `words` are its contents; else it still shows the object's page */
    bool written;     /* by this process or one that it was forked from */
    uint8_t prot;     /* PROT_ bits */
    uint8_t kind;     /* enum vregion_kind */
    uint8_t object;   /* NOBJECTS: anonymous */
    uint16_t filled;  /* private: bytes of the page that come from the object; zeros behind them */
    uint64_t index;   /* the object's page */
    uaddr_t data_end; /* of the region */
    uint64_t words[NWORDS];
};

struct model_process {
    unsigned threads; /* 0: the process is not there */
    uaddr_t brk;
    struct vspace_limits limits;
    struct model_page pages[NPLACES];
};

struct model {
    struct model_process processes[NPROCESSES];
    uint64_t objects[NOBJECTS][OBJECT_PAGES][NWORDS];
    uint64_t object_npages[NOBJECTS];
};

/* No process; objects as they are on the disk. */
void model_init(struct model *model);

/* Whether the operation makes sense: its process is there, the slot of a child is free, and so on. */
bool model_can(const struct model *model, const struct op *op);

/* What should come of the operation; the model changes accordingly. Of a copy, not more than `limit` bytes are moved. */
struct result model_run(struct model *model, const struct op *op, uint64_t limit);

/* The word `n` of a page as its process sees it. */
uint64_t model_word(const struct model *model, const struct model_page *page, unsigned n);

/* Whether the page shows one of an object, and there is none. */
bool model_page_missing(const struct model *model, const struct model_page *page);

/* Bytes of all regions, and of those that count as data. */
uint64_t model_mapped_bytes(const struct model_process *process);
uint64_t model_data_bytes(const struct model_process *process);
