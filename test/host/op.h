/* Operations: single acts of processes on their memory. The tests run sequences of operations,
   the shrinker shortens them, and the fuzzer makes them from its input.

   system.c carries an operation out with the kernel; model.c defines the expected result. */
#pragma once

#include <vm/vspace.h>
#include "random.h"

#define NPROCESSES  6u
#define NCPUS       3u
#define MAX_THREADS 3u

enum op_kind {
    OP_READ,         /* loads word `word` of the page `first` */
    OP_WRITE,        /* stores the word */
    OP_FETCH,        /* fetches the word as an instruction */
    OP_COPY_IN,      /* the kernel copies bytes in from the end of `first` and the next page */
    OP_COPY_OUT,     /* the kernel copies bytes out to them */
    OP_CLEAR,        /* the kernel clears them */
    OP_STRING,       /* the kernel reads a string there */
    OP_MAP,          /* maps the places `first` to `last` */
    OP_MAP_ANYWHERE, /* maps `last` % 4 + 1 pages; F_HINT: at `first` if free */
    OP_UNMAP,        /* unmaps the places `first` to `last` */
    OP_PROTECT,      /* gives them the rights `prot` */
    OP_SBRK,         /* moves the break by `delta` bytes; F_HUGE: far too much */
    OP_TRUNCATE,     /* ends the object before page `index` */
    OP_EXTEND,       /* gives the object all its pages again; they are new */
    OP_PUNCH,        /* makes a hole in the object, if it is memory, from page `index` on */
    OP_WRITEBACK,    /* writes pages of the object back, from page `index` on */
    OP_FORK,         /* creates the process `other` */
    OP_PROGRAM,      /* exec in the process, which is created if it does not exist */
    OP_EXIT,         /* ends all threads of the process */
    OP_THREAD,       /* adds a thread */
    OP_THREAD_EXIT,  /* ends a thread */
    OP_LOAD,         /* makes `cpu` run a thread of the process */
    OP_UNLOAD,       /* makes `cpu` idle; it keeps the space loaded */
    OP_WALK_AHEAD,   /* `cpu` walks to the page `first` without an access */
    OP_SURVEY,       /* counts the pages from `first` to `last` */
    OP_PEEK,         /* the kernel reads word `word` of `first` for another process */
    OP_FORCED_PEEK,  /* the same, also where the region does not allow it */
    OP_POKE,         /* the kernel writes the word for another process, also where the program
                        may not */
    OP_REMAP,  /* moves the places `first` to `last` to `to`, or changes their number by `more` */
    OP_ADVISE, /* does to the places what `index` says, an ADVISE_ number */
    OP_REST,   /* `cpu` is idle for a moment; then as OP_READ */
    OP_AWAY,   /* `cpu` loads another space for a moment; then as OP_READ */
    OP_KINDS,
};

/* What OP_ADVISE does. */
enum {
    ADVISE_LOCK,
    ADVISE_LOCK_ON_FAULT,
    ADVISE_UNLOCK,
    ADVISE_DONTFORK,
    ADVISE_WIPEONFORK,
    ADVISE_FORK, /* as usual: neither */
    ADVISE_DISCARD,
    ADVISE_FREE,          /* the same, for memory that is anonymous and not locked */
    ADVISE_POPULATE_READ, /* of one page */
    ADVISE_POPULATE_WRITE,
    ADVISE_KINDS,
};

/* The flags of an operation. */
#define F_SHARED     (1u << 0) /* map: MAP_SHARED of the object */
#define F_OBJECT     (1u << 1) /* map: private, of the object from page `index` on */
#define F_PARTIAL    (1u << 2) /* map: the object's bytes end within the last page */
#define F_NO_REPLACE (1u << 3) /* map: only if the range is free */
#define F_HINT       (1u << 4)
#define F_STACK      (1u << 5) /* map: a stack */
#define F_HUGE       (1u << 6)
#define F_LIMITED    (1u << 7)    /* program: tight limits */
#define F_MAY_MOVE   F_PARTIAL    /* remap */
#define F_KEEP       F_NO_REPLACE /* remap: the old regions stay */
#define F_FIXED      F_HINT       /* remap: to `to` */
#define F_DOUBLE     F_SHARED     /* remap: the old length is 0 */
#define F_NO_GROWTH  F_HINT       /* program: a stack that was cut does not grow back to its size */

struct op {
    uint8_t kind, cpu, process, other;
    uint8_t first, last; /* places */
    uint8_t prot;
    uint8_t flags;
    uint8_t object, index; /* map: the object and its first page */
    uint8_t word;
    uint8_t fail; /* the number of the request for memory that fails; 0: none */
    uint8_t to;   /* remap */
    int8_t more;  /* remap: the places by which the range grows or shrinks */
    int32_t delta;
    uint32_t value;  /* determines the bytes that are written */
    uint32_t chance; /* seed of the random events of the hardware */
};

/* The result of an operation. */
struct result {
    int err;        /* 0; for an access the enum fault_outcome that failed; else -errno */
    uint64_t value; /* word, old break, address of a mapping, or bytes copied */
};

/* The words of a page that operations read and write, and that the checks compare. */
#define NWORDS 4u
extern const uint16_t word_offsets[NWORDS];

/* Returns the word that a store writes. The word differs for each `value`, and is never 0. */
uint64_t op_stored(const struct op *op);

/* Return true if the operation is an access (OP_READ to OP_STRING), a copy, or an access of the
   kernel for another process (OP_PEEK to OP_POKE). op_access returns the access as FAULT_ bits. */
bool op_is_access(const struct op *op);
bool op_is_copy(const struct op *op);
bool op_is_foreign(const struct op *op);
unsigned op_access(const struct op *op);

/* Returns the address where a copy begins. A copy has COPY_LEN bytes, and runs on into the next
   place if that is a page or does not exist. */
#define COPY_LEN 16u
uint64_t op_copy_start(const struct op *op);

/* Returns the page of the object where a hole or a write-back ends: `word` pages behind `index`, or
   the end of the object. */
uint64_t op_object_end(const struct op *op);

/* Returns the bytes by which an sbrk moves the break. */
int64_t op_delta(const struct op *op);

/* Returns the end of the object's bytes in a map, or 0 for anonymous memory. With F_PARTIAL, the
   bytes end 1 KiB before the end of the last page. If `word` is odd, they end 1 KiB before the
   end of the last page but one, so the last page is all zeros. */
uaddr_t op_data_end(const struct op *op);

/* Return the change of flags that an advice is, and the features that it forbids. The first returns
   false if the advice is not about flags. */
bool op_advice_flags(const struct op *op, struct flags_change *change);
unsigned op_advice_forbidden(const struct op *op);

/* Returns the number of places that a remap is to have afterwards. */
unsigned op_remap_places(const struct op *op);

/* Returns the limits of a program. With F_LIMITED, they leave little room beyond the program,
   and less for a stack than the program has. */
struct vspace_limits op_limits(const struct op *op);

/* The maps of a new program, in order. The stack is the last. */
#define PROGRAM_MAPS 3u
extern const struct op program_maps[PROGRAM_MAPS];

/* Brings every field into its valid range. */
void op_normalize(struct op *op);

/* Returns a random operation, normalized. */
struct op op_random(struct random *random);

/* Prints the operation on stderr. */
void op_print(const struct op *op);
