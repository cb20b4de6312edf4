/* Operations: what processes do to their memory, one at a time. Sequences of them are what the tests run, the shrinker
   shortens, and the fuzzer makes from its bytes.

   system.c carries an operation out with the kernel, model.c says what should come of it. */
#pragma once

#include <vm/vspace.h>
#include "random.h"

#define NPROCESSES  6u
#define NCPUS       3u
#define MAX_THREADS 3u

enum op_kind {
    OP_READ, /* load, store, fetch 8 bytes of the page `first`; `word` says which */
    OP_WRITE,
    OP_FETCH,
    OP_COPY_IN,  /* the kernel reads the last 8 bytes of `first`, and the first 8 of what follows */
    OP_COPY_OUT, /* ... writes them */
    OP_CLEAR,    /* ... clears them */
    OP_STRING,   /* ... reads a string there */
    OP_MAP,      /* exactly at the places `first` to `last` */
    OP_MAP_ANYWHERE, /* `last` % 4 + 1 pages; F_HINT: at `first` if there is room */
    OP_UNMAP,
    OP_PROTECT,
    OP_SBRK,     /* by `delta` bytes; F_HUGE: by far too many */
    OP_TRUNCATE, /* the object ends before the page `index`; it has all its pages again, new ones */
    OP_EXTEND,
    OP_FORK,    /* into the process `other` */
    OP_PROGRAM, /* exec: the process begins anew; one that is not there is made */
    OP_EXIT,
    OP_THREAD, /* one more thread; one less */
    OP_THREAD_EXIT,
    OP_LOAD, /* `cpu` runs a thread of the process; nothing */
    OP_UNLOAD,
    OP_WALK_AHEAD, /* `cpu` walks to the page `first` without an access */
    OP_SURVEY,     /* counts what is there from `first` to `last` */
    OP_PEEK,       /* the kernel reads 8 bytes of the page `first` for another process */
    OP_KINDS,
};

/* Flags of an operation. */
#define F_SHARED     (1u << 0) /* map: MAP_SHARED of the object */
#define F_OBJECT     (1u << 1) /* map: privately, the object from page `index` on */
#define F_PARTIAL    (1u << 2) /* map: the object's bytes end within the last page */
#define F_NO_REPLACE (1u << 3) /* map: only if nothing is there */
#define F_HINT       (1u << 4)
#define F_STACK      (1u << 5) /* map: a stack */
#define F_HUGE       (1u << 6)
#define F_LIMITED    (1u << 7) /* program: under tight limits */

struct op {
    uint8_t kind, cpu, process, other;
    uint8_t first, last; /* places */
    uint8_t prot;
    uint8_t flags;
    uint8_t object, index; /* map: which object, from which page on */
    uint8_t word;
    uint8_t fail; /* the request for memory that fails; 0: none */
    int32_t delta;
    uint32_t value;  /* decides what is written */
    uint32_t chance; /* decides what the hardware does by chance meanwhile */
};

/* What came of an operation. */
struct result {
    int err; /* 0; of an access, the failed enum fault_outcome; else -errno */
    uint64_t
        value; /* what was read, the old break, where it was mapped, or how many bytes were copied */
};

/* The words of a page that are read, written and compared. */
#define NWORDS 4u
extern const uint16_t word_offsets[NWORDS];

/* What a store writes: a different number for each `value`, never 0. */
uint64_t op_stored(const struct op *op);

/* Whether the operation touches a page (from OP_READ to OP_STRING), and with what right (FAULT_ words). */
bool op_is_access(const struct op *op);
bool op_is_copy(const struct op *op);
unsigned op_access(const struct op *op);

/* Of a copy: where it begins and how long it is. It runs on into the next place where that is a page, or does not
   exist. */
#define COPY_LEN 16u
uint64_t op_copy_start(const struct op *op);

/* The bytes of an sbrk. */
int64_t op_delta(const struct op *op);

/* Of a map: where the object's bytes end; 0 for anonymous memory. F_PARTIAL: 1 KiB before the end of the last page, or of
   the one before (`word` odd), whose successor is then all zeros. */
uaddr_t op_data_end(const struct op *op);

/* Of a program: with F_LIMITED room for little more than itself. */
struct vspace_limits op_limits(const struct op *op);

/* What a program consists of: its maps, in order, the stack last. */
#define PROGRAM_MAPS 3u
extern const struct op program_maps[PROGRAM_MAPS];

/* Brings every field into its range, whatever it was. */
void op_normalize(struct op *op);

/* A random operation, normalized. */
struct op op_random(struct random *random);

/* The operation in words, on stderr. */
void op_print(const struct op *op);
