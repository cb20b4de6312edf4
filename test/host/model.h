/* The model: the contents of memory, without page tables, frames or caches.

   For every process, the model maps places to contents and rights; fork copies this map. The
   contents of the objects are common to all processes. An operation on the model defines what
   the kernel and the simulated CPUs must do. */
#pragma once

#include <vm/fault.h>
#include "object.h"
#include "op.h"
#include "places.h"

struct model_page {
    bool mapped;
    bool shared;
    bool own;         /* private: `words` are the contents; else the object's page is */
    bool written;     /* by this process or by an ancestor */
    uint8_t prot;     /* PROT_ bits */
    uint8_t kind;     /* enum vregion_kind */
    uint8_t flags;    /* VREGION_ bits */
    uint8_t object;   /* NOBJECTS: anonymous memory */
    uint16_t filled;  /* private: bytes that come from the object; zeros follow */
    uint64_t index;   /* number of the page in the object */
    uaddr_t data_end; /* end of the object's bytes in the region */
    uint64_t words[NWORDS];
};

struct model_process {
    unsigned threads; /* 0: there is no process */
    uaddr_t brk;
    struct vspace_limits limits;
    struct model_page pages[NPLACES];
};

struct model {
    struct model_process processes[NPROCESSES];
    uint64_t objects[NOBJECTS][OBJECT_PAGES][NWORDS];
    uint64_t object_npages[NOBJECTS];
};

/* Sets the model to no processes, and objects as on the disk. */
void model_init(struct model *model);

/* Returns true if the operation is valid now: for example, its process exists, and a child's
   slot is free. */
bool model_can(const struct model *model, const struct op *op);

/* Runs the operation on the model, and returns the expected result. A copy moves at most `limit`
   bytes. */
struct result model_run(struct model *model, const struct op *op, uint64_t limit);

/* Runs an operation that a shortage of memory has ended, as far as it changes memory: a copy has
   moved `done` bytes, and below a stack the stack has grown before its page was asked for. */
void model_run_short(struct model *model, const struct op *op, uint64_t done);

/* Returns word `n` of a page, as its process sees it. */
uint64_t model_word(const struct model *model, const struct model_page *page, unsigned n);

/* Returns true if the page shows a page that its object lacks. */
bool model_page_missing(const struct model *model, const struct model_page *page);

/* Return the bytes of all regions, of the regions that count as data, and of those that are locked. */
uint64_t model_mapped_bytes(const struct model_process *process);
uint64_t model_data_bytes(const struct model_process *process);
uint64_t model_locked_bytes(const struct model_process *process);
